// Readers of cards: add one and hand over its code, see which are enrolled, remove one.

import { get, post, remove, whole } from "../js/api.js";
import { announce, ask, fill, h, icon, skeleton } from "../js/dom.js";
import { has, renewTimes, sentence, t, timeElement } from "../js/i18n.js";
import { desk, refusal, start } from "./frame.js";
import { localised } from "./listing-detail.js";
import { copy, emptyState, every } from "./live.js";

const REFRESH = 5; // seconds
const listings = desk === "console" ? "/v1/operator/listings" : "/v1/provider/listings";
const at = (id) => document.getElementById(id);

const appNames = new Map(); // of mini-apps, by their ids
let shown = "";
let handedOver = null; // {id, enrolledAt}: the reader whose code is on the page, as it stood before

async function refresh() {
  try {
    if (!appNames.size) for (const { app_id: id, name } of await whole(listings)) appNames.set(id, name);
    const all = await whole("/v1/verifiers");
    const now = JSON.stringify(all);
    if (now === shown) return renewTimes(at("readers"));
    shown = now;
    draw(all);
    const waiting = all.find((reader) => reader.id === handedOver?.id);
    if (waiting && waiting.enrolled_at !== handedOver.enrolledAt) {
      fill(at("code"));
      handedOver = null;
      announce(`${waiting.name}: ${t("desk.readers.enrolled")}`);
    }
  } catch (problem) {
    if (!shown) fill(at("readers"), refusal(problem, refresh));
  } finally {
    at("readers").removeAttribute("aria-busy");
  }
}

/** Where a reader stands, and since when. */
function state(reader) {
  if (reader.enrolled_at) return { word: "enrolled", since: reader.enrolled_at };
  return { word: "waiting", since: reader.created_at };
}

/** Roles are said outright because a narrow screen lays the rows out as blocks, which takes them away in some browsers. */
function row(reader) {
  const { word, since } = state(reader);
  const cell = (attributes, ...children) => h("td", { role: "cell", ...attributes }, ...children);
  return h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, reader.name, h("br"), h("span", { class: "small" }, reader.place)),
    cell({}, appNames.get(reader.app_id) ?? reader.app_id, h("br"), h("span", { class: "small" }, roleWord(reader.role))),
    cell({}, h("span", { class: `mark ${word === "enrolled" ? "" : "mark--plain"}` }, icon(word === "enrolled" ? "check" : "clock"), t(`desk.readers.${word}`)),
      since ? h("span", { class: "small since" }, timeElement(since)) : null),
    cell({ class: "row-actions" },
      h("button", { type: "button", class: "button button--quiet", "aria-label": t("desk.readers.again_title", { name: reader.name }), onclick: () => again(reader) }, icon("key"), t("desk.readers.again")),
      h("button", { type: "button", class: "button button--quiet button--remove", "aria-label": t("desk.readers.remove_label", { name: reader.name }), onclick: () => drop(reader) }, icon("close"), t("desk.readers.remove"))));
}

function draw(readers) {
  if (!readers.length) {
    fill(at("readers"), emptyState("key", t("desk.readers.empty"), t("desk.readers.empty_do")));
    return;
  }
  fill(at("readers"), h("div", { class: "table-frame" }, h("table", { class: "table readers stacks", role: "table" },
    h("caption", { class: "visually-hidden" }, t("desk.readers.caption")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, ["name", "app", "state", "actions"].map((name) => h("th", { scope: "col", role: "columnheader" }, t(`desk.readers.${name}`))))),
    h("tbody", { role: "rowgroup" }, readers.map(row)))));
}

/** The code is on the page once, until the person has used it or it is used. */
function handOver({ id, name, enrolled_at: enrolledAt = null, enrolment_code: code, expires_at: until }) {
  handedOver = { id, enrolledAt };
  const shownCode = h("p", { class: "enrolment-code mono", id: "enrolment-code" }, code);
  const [before, after] = t("desk.readers.code_until", { time: "\u0000" }).split("\u0000");
  const time = timeElement(until);
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", day: "numeric", month: "long", hour12: false }).format(new Date(until));
  const button = h("button", { type: "button", class: "button", onclick: () => copy(button, code, t("desk.readers.copied"), shownCode) }, icon("copy"), t("desk.readers.copy"));
  fill(at("code"), h("section", { class: "panel panel--jade stack", "aria-labelledby": "code-title" },
    h("h2", { id: "code-title", tabindex: -1 }, t("desk.readers.code_title", { name })),
    shownCode,
    h("p", {}, t("desk.readers.code_once")),
    h("p", {}, h("a", { href: "/reader", target: "banyan-reader", class: "mono target" }, `${location.origin}/reader`)),
    h("p", { class: "note" }, before, time, after),
    h("div", { class: "button-row" }, button,
      h("button", { type: "button", class: "button button--primary", onclick: () => { fill(at("code")); handedOver = null; at("add").focus(); } }, icon("check"), t("desk.readers.code_done")))));
  at("code-title").focus();
}

async function again(reader) {
  const sure = await ask({ title: t("desk.readers.again_title", { name: reader.name }), body: t("desk.readers.again_touches"), confirm: t("desk.readers.again_confirm"), cancel: t("desk.readers.again_cancel") });
  if (!sure) return;
  try {
    handOver({ ...reader, ...(await post(`/v1/verifiers/${reader.id}/enrolment-code`, {})) });
  } catch (problem) {
    fill(at("code"), refusal(problem));
  }
}

async function drop(reader) {
  const sure = await ask({ title: t("desk.readers.remove_title", { name: reader.name }), body: t("desk.readers.remove_touches", { place: reader.place }), confirm: t("desk.readers.remove_confirm"), cancel: t("desk.readers.remove_cancel"), urgent: true });
  if (!sure) return;
  try {
    await remove(`/v1/verifiers/${reader.id}`);
    announce(t("desk.readers.remove_done", { name: reader.name }));
    await refresh();
    at("add").focus();
  } catch (problem) {
    fill(at("code"), refusal(problem));
  }
}

const roleWord = (role) => (has(`desk.readers.role_names.${role}`) ? t(`desk.readers.role_names.${role}`) : role);

/** The kinds of place that a mini-service's cards know, each with the fields its readers see. */
async function rolesOf(appId) {
  const { manifest } = await get(`${listings}/${encodeURIComponent(appId)}`);
  const roles = new Map();
  for (const card of manifest.banyan.cards ?? []) {
    for (const [role, names] of Object.entries(card.disclose ?? {})) {
      const labels = names.map((name) => localised(card.fields.find((field) => field.name === name)?.label) || name);
      roles.set(role, [...new Set([...(roles.get(role) ?? []), ...labels])]);
    }
  }
  return roles;
}

function roleChoices(roles) {
  if (!roles.size) return h("p", { class: "hint" }, t("desk.readers.no_roles"));
  return [...roles].map(([role, labels], index) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "role", value: role, required: true, checked: index === 0 }),
    h("span", {}, t(labels.length ? "desk.readers.role_sees" : "desk.readers.role_sees_nothing", { role: roleWord(role), fields: new Intl.ListFormat(document.documentElement.lang).format(labels) }))));
}

async function add() {
  const apps = await whole(listings);
  const error = h("p", { class: "error", role: "alert", hidden: true });
  const field = (name, control, hint = null) => h("div", { class: "field" }, h("label", { for: `reader-${name}` }, t(`desk.readers.${name}`)), control, hint ? h("p", { class: "hint", id: `reader-${name}-hint` }, hint) : null);
  const text = (name, most) => h("input", { id: `reader-${name}`, name, required: true, maxlength: most, autocomplete: "off", "aria-describedby": `reader-${name}-hint` });
  const roles = h("div", {});
  const showRoles = async (appId) => { fill(roles, appId ? roleChoices(await rolesOf(appId)) : ""); };
  const app = h("select", { id: "reader-app", name: "app_id", required: true, onchange: () => showRoles(app.value).catch(wrong) }, apps.map(({ app_id: id, name }) => h("option", { value: id }, name)));
  const wrong = (problem) => {
    error.textContent = problem.errors?.[0]?.detail ?? sentence(problem);
    error.hidden = false;
  };
  const form = h("form", { class: "stack" },
    h("h2", { id: "add-title" }, t("desk.readers.add")),
    field("name", text("name", 80), t("desk.readers.name_hint")),
    field("place", text("place", 120), t("desk.readers.place_hint")),
    field("app", app),
    h("fieldset", { class: "field" }, h("legend", {}, t("desk.readers.role")), roles),
    error,
    h("div", { class: "button-row" }, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, t("common.cancel")), h("button", { class: "button button--primary" }, icon("key"), t("desk.readers.create"))));
  const dialog = h("dialog", { "aria-labelledby": "add-title" }, form);
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = Object.fromEntries(new FormData(form));
    try {
      const made = await post("/v1/verifiers", asked);
      dialog.close();
      handOver({ name: asked.name, ...made });
      await refresh();
    } catch (problem) {
      wrong(problem);
    }
  });
  await showRoles(apps[0]?.app_id);
  document.body.append(dialog);
  dialog.showModal();
}

await start();
fill(at("readers"), h("div", { class: "panel" }, skeleton(4)));
at("add").addEventListener("click", () => add().catch((problem) => fill(at("code"), refusal(problem))));
await refresh();
every(REFRESH, refresh);
