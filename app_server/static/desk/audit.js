// The audit log: filters in the address, newest first, the next page by a button.

import { get } from "../js/api.js";
import { announce, fill, h, once, skeleton } from "../js/dom.js";
import { t, timeElement } from "../js/i18n.js";
import { actionWord, actorWord, subjectWord } from "./audit-words.js";
import { refusal, start } from "./frame.js";
import { emptyState } from "./live.js";

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);

/** The actions that people filter by; one that only the address names is offered too. */
const ACTIONS = ["listing", "listing.suspended", "listing.lifted", "verifier", "verifier.added", "verifier.enrolled", "verifier.removed", "card"];

function entry({ at: time, actor, action, subject, reason, details }) {
  const more = Object.entries(details ?? {});
  const cell = (attributes, ...children) => h("td", { role: "cell", ...attributes }, ...children);
  return h("tr", { role: "row" },
    cell({ class: "when" }, timeElement(time)),
    cell({ class: "what" }, actionWord(action)),
    cell({}, h("a", { href: `/console/audit?subject=${encodeURIComponent(subject)}`, title: subject, class: "target" }, subjectWord(subject))),
    cell({}, actorWord(actor)),
    cell({}, reason ?? "",
      more.length ? h("details", {}, h("summary", {}, t("desk.audit.details")), h("dl", { class: "facts" }, more.map(([name, value]) => [h("dt", { class: "mono" }, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value))]))) : null));
}

function table() {
  const heads = ["at", "action", "subject", "actor", "reason"];
  // Roles are said outright because a narrow screen lays the rows out as blocks, which takes them away in some browsers.
  return h("table", { class: "table audit stacks", role: "table" }, h("caption", { class: "visually-hidden" }, t("desk.audit.caption")),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map((name) => h("th", { scope: "col", role: "columnheader" }, t(`desk.audit.${name}`))))), h("tbody", { role: "rowgroup" }));
}

let body = null;

async function read(cursor = null) {
  const wanted = new URLSearchParams({ limit: "50" });
  for (const name of ["action", "subject"]) if (asked.get(name)) wanted.set(name, asked.get(name));
  if (cursor) wanted.set("cursor", cursor);
  try {
    const page = await get(`/v1/operator/audit?${wanted}`);
    if (!body && !page.items.length) {
      const all = asked.size ? h("a", { class: "button", href: "/console/audit" }, t("desk.audit.clear")) : null;
      fill(at("entries"), emptyState("document", t("desk.audit.empty"), t("desk.audit.empty_do"), all));
    } else {
      if (!body) {
        const element = table();
        body = element.querySelector("tbody");
        fill(at("entries"), h("div", { class: "table-frame" }, element));
      }
      const rows = page.items.map(entry);
      body.append(...rows);
      if (cursor) {
        rows[0]?.setAttribute("tabindex", "-1");
        rows[0]?.focus();
        announce(t("desk.audit.title"));
      }
    }
    fill(at("more"), page.next ? h("button", { type: "button", class: "button", onclick: once(() => read(page.next)) }, t("common.more")) : "");
  } catch (problem) {
    fill(body ? at("more") : at("entries"), refusal(problem, once(() => read(cursor))));
  } finally {
    at("entries").removeAttribute("aria-busy");
  }
}

await start();
const offered = asked.get("action") && !ACTIONS.includes(asked.get("action")) ? [...ACTIONS, asked.get("action")] : ACTIONS;
at("action").append(...offered.map((action) => h("option", { value: action }, actionWord(action))));
at("action").value = asked.get("action") ?? "";
at("subject").value = asked.get("subject") ?? "";
at("filters").addEventListener("formdata", (event) => { // an empty filter stays out of the address
  for (const name of ["action", "subject"]) if (!event.formData.get(name)) event.formData.delete(name);
});
fill(at("entries"), h("div", { class: "panel" }, skeleton(8)));
await read();
