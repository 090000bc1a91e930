// Ask what a thing of the person's own is to be called.

import { h } from "../dom.js";
import { t } from "../i18n.js";

/** Resolves to the name, "" to take it back, or null when the person decides against it. */
export function askName({ title, value }) {
  return new Promise((resolve) => {
    const name = h("input", { id: "ask-name", maxlength: 60, value: value ?? "", autocomplete: "off", "aria-describedby": "ask-name-hint" });
    const dialog = h("dialog", { "aria-labelledby": "ask-title" },
      h("form", { method: "dialog", class: "stack" },
        h("h2", { id: "ask-title" }, title),
        h("div", { class: "field" }, h("label", { for: "ask-name" }, t("sessions.name")), name, h("p", { class: "hint", id: "ask-name-hint" }, t("sessions.name_hint"))),
        h("div", { class: "button-row" },
          h("button", { class: "button", type: "button", onclick: () => dialog.close() }, t("common.cancel")),
          h("button", { class: "button button--primary", value: "yes" }, t("sessions.save_name")))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? name.value.trim() : null);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    name.select();
  });
}
