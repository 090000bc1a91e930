// The reader of cards: set up once, then scan, see the answer, scan again.

import { get, post, remove } from "../js/api.js";
import { announce, ask, fill, h, icon, once } from "../js/dom.js";
import { load, t } from "../js/i18n.js";
import { enrolView } from "./enrol.js";
import { acceptedView, refusedView, unanswered } from "./result.js";
import { ScanView } from "./scan.js";

const STORED = "banyan.reader"; // remembers that this device was set up, to tell a removed reader from a new one
const RETRY = 4; // seconds between looks for the network

const at = (id) => document.getElementById(id);
const main = at("main");

let online = true;
let looking = 0; // the timer of the next look for the network
let afterNetwork = null; // what waits for it
let scan = null;
let pending = null; // {code, key} of the check that has no answer yet; the same code is asked again under the same key

await load();
addEventListener("offline", () => lost());
addEventListener("online", () => look());
await begin();

async function begin() {
  afterNetwork = null;
  try {
    ready(await get("/v1/verifiers/me"));
  } catch (problem) {
    if (problem.status === 401 || problem.status === 403) {
      found(true);
      return enrol();
    }
    fill(main, h("div", { class: "reader-door stack" }, icon("offline", "reader-door__icon"), h("h1", {}, t("reader.scan.no_network")), h("p", {}, t("reader.scan.no_network_do")),
      h("button", { type: "button", class: "button button--primary", onclick: begin }, icon("refresh"), t("common.try_again"))));
    afterNetwork = begin;
    lost();
  }
}

function enrol() {
  scan?.close();
  scan = null;
  fill(at("here"));
  fill(at("foot"));
  const removed = localStorage.getItem(STORED) !== null;
  enrolView(main, { removed, enrolled: (verifier) => { announce(t("reader.enrol.done", { name: verifier.name })); ready(verifier); } });
}

function ready(verifier) {
  localStorage.setItem(STORED, verifier.name);
  found(true);
  fill(at("here"),
    h("p", {}, h("strong", {}, verifier.name), h("span", { class: "small" }, verifier.place)));
  fill(at("foot"), h("button", { type: "button", class: "button button--quiet", onclick: () => forget(verifier) }, icon("exit"), t("reader.forget.open")));
  scan?.close();
  scan = new ScanView({ found: check, refused, online: () => online });
  scan.open(main);
}

async function check(code) {
  if (pending?.code !== code) pending = { code, key: freshKey() };
  try {
    const verification = await post("/v1/verifications", { code }, { key: pending.key });
    pending = null;
    found(true);
    announce(acceptedView(main, verification, again));
  } catch (problem) {
    if (!unanswered(problem)) pending = null;
    refused(problem, once(() => check(code)));
  }
}

/** 128 random bits; `crypto.randomUUID` is missing where the page does not come over https. */
function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16)).join("-");
}

/** `retry()` asks again what could not be answered; without one she shows the card again. */
function refused(problem, retry = again) {
  if (problem.status === 401 || problem.code === "not_for_this_account" || problem.code === "insufficient_scope") return enrol();
  if (problem.status === 0) lost();
  const type = () => { again(); scan.input.focus(); };
  announce(refusedView(main, problem, { next: again, retry, type }), { urgent: true });
}

function again() {
  scan?.open(main);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && main.querySelector(".result") && !document.querySelector("dialog[open]")) again();
});

async function forget({ name }) {
  const sure = await ask({ title: t("reader.forget.title"), body: t("reader.forget.body", { name }), confirm: t("reader.forget.confirm"), cancel: t("reader.forget.cancel"), urgent: true });
  if (!sure) return;
  try {
    await remove("/v1/verifiers/me");
  } catch (problem) {
    if (problem.status !== 401) return refused(problem);
  }
  localStorage.removeItem(STORED);
  enrol();
}

// ---- the network

function lost() {
  if (online) {
    online = false;
    fill(at("network"), icon("offline"), h("span", {}, h("strong", {}, t("reader.scan.no_network")), " ", t("reader.scan.no_network_do")));
    at("network").hidden = false;
  }
  clearTimeout(looking);
  looking = setTimeout(look, RETRY * 1000);
}

async function look() {
  if (online) return;
  try {
    await get("/v1/verifiers/me");
  } catch (problem) {
    if (problem.status === 0 || problem.status >= 500) return lost();
  }
  found();
}

function found(silent = false) {
  if (online) return;
  online = true;
  at("network").hidden = true;
  clearTimeout(looking);
  if (!silent) announce(t("reader.scan.network_back"));
  afterNetwork?.();
}
