// What the demo would have sent to phones, newest first, as it comes.

import { get } from "../js/api.js";
import { announce, fill, h, icon } from "../js/dom.js";
import { load, t, timeElement } from "../js/i18n.js";
import { copy, emptyState, every, liveSwitch } from "./live.js";

const REFRESH = 2; // seconds
const at = (id) => document.getElementById(id);
const list = h("ol", { class: "outbox" });
const known = new Map();

const keyOf = ({ to, text, at: time }) => `${time} ${to} ${text}`;

/** The number in groups as people read it; the demo has no other digits to hide. */
function message({ to, text, at: time }) {
  const code = text.match(/(?<!\d)\d{6}(?!\d)/)?.[0];
  const copyButton = code && h("button", { type: "button", class: "button button--primary", onclick: () => copy(copyButton, code, t("outbox.copied"), body) }, icon("copy"), t("outbox.copy", { code }));
  const body = h("p", { class: "sms__text" }, text);
  return h("li", { class: "sms" },
    h("p", { class: "sms__head small" }, h("span", { class: "number" }, t("outbox.to", { number: to })), timeElement(time)),
    h("div", { class: "sms__bubble" }, body, copyButton));
}

async function refresh() {
  let items;
  try {
    ({ items } = await get("/v1/demo/outbox"));
  } catch {
    at("stale").textContent = t("outbox.stale");
    at("stale").hidden = false;
    return;
  }
  at("stale").hidden = true;
  const first = known.size === 0 && !list.isConnected;
  const fresh = items.filter((item) => !known.has(keyOf(item)));
  for (const item of fresh) {
    const element = message(item);
    known.set(keyOf(item), element);
    list.prepend(element);
  }
  if (items.length && !list.isConnected) fill(at("messages"), list);
  if (!items.length) fill(at("messages"), emptyState("phone", t("outbox.empty"), t("outbox.empty_do")));
  if (fresh.length && !first) announce(t("outbox.new", { count: fresh.length }));
}

await load();
list.setAttribute("aria-label", t("outbox.list"));
const isLive = liveSwitch(at("live-switch"), { pause: t("outbox.pause"), resume: t("outbox.resume") }, () => refresh());
await refresh();
every(REFRESH, refresh, isLive);
