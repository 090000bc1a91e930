// Setting the reader up with a one-time code, once.

import { post } from "../js/api.js";
import { fill, h, icon } from "../js/dom.js";
import { sentence, t } from "../js/i18n.js";

/** Draw the form; `enrolled(verifier)` is called when the code was good. `removed`: it had been set up before. */
export function enrolView(main, { removed, enrolled }) {
  const error = h("p", { class: "error", id: "enrol-error", hidden: true });
  const input = h("input", { id: "enrol-code", name: "code", class: "mono reader-code", autocomplete: "one-time-code", autocapitalize: "characters", spellcheck: "false", required: true, "aria-describedby": "enrol-hint enrol-error" });
  const button = h("button", { class: "button button--primary button--wide" }, icon("key"), t("reader.enrol.confirm"));
  const wrong = (words) => {
    error.textContent = words;
    error.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
    input.select();
  };
  const form = h("form", { class: "stack", novalidate: true },
    h("div", { class: "field" }, h("label", { for: "enrol-code" }, t("reader.enrol.code")), input,
      h("p", { class: "hint", id: "enrol-hint" }, t("reader.enrol.code_hint")), h("div", { role: "alert" }, error)),
    button);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const code = input.value.trim();
    if (!code) return wrong(t("reader.enrol.empty"));
    button.setAttribute("aria-busy", "true");
    try {
      enrolled((await post("/v1/verifiers/enrolments", { code })).verifier);
    } catch (problem) {
      wrong(problem.code === "enrolment_refused" ? t("reader.enrol.refused") : sentence(problem));
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
  fill(main, h("div", { class: "reader-door stack" },
    icon("key", "reader-door__icon"),
    h("h1", {}, t(removed ? "reader.enrol.removed_title" : "reader.enrol.title")),
    h("p", {}, t(removed ? "reader.enrol.removed" : "reader.enrol.intro")),
    form));
  input.focus();
}
