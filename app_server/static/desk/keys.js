// Single-key shortcuts, off while someone types, and to be switched off altogether (WCAG 2.1.4).

import { h, icon } from "../js/dom.js";
import { t } from "../js/i18n.js";

const STORED = "banyan.desk.keys";
const enabled = () => localStorage.getItem(STORED) !== "off";

/** `bindings`: key to `{word, act}`. "?" is added and shows them all; so does a click on `button`. */
export function shortcuts(bindings, button) {
  const all = { ...bindings, "?": { word: "help", act: () => help(all) } };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, [contenteditable]") || document.querySelector("dialog[open]")) return;
    const binding = all[event.key];
    if (!binding || (!enabled() && event.key !== "Escape")) return;
    if (binding.act() !== false) event.preventDefault();
  });
  button.addEventListener("click", () => help(all));
}

function help(bindings) {
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("form", { method: "dialog", class: "stack" },
      h("h2", { id: "keys-title" }, t("desk.keys.title")),
      h("dl", { class: "facts" }, Object.entries(bindings).map(([key, { word }]) => [
        h("dt", {}, h("kbd", { class: "key" }, key === "Escape" ? "Esc" : key)), h("dd", {}, t(`desk.keys.${word}`))])),
      h("label", { class: "choice" },
        h("input", { type: "checkbox", properties: { checked: enabled() }, onchange: (event) => localStorage.setItem(STORED, event.target.checked ? "on" : "off") }),
        h("span", {}, t("desk.keys.enabled"))),
      h("div", { class: "button-row" }, h("button", { class: "button" }, icon("close"), t("common.close")))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
