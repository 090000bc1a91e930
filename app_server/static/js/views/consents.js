// What services may see: every consent, by service, each taken back with one step and one question.

import { remove, whole } from "../api.js";
import { announce, ask, fill, h, icon } from "../dom.js";
import { has, sentence, t, timeElement } from "../i18n.js";
import { setTitle } from "../router.js";

const scopeName = (scope) => (has(`scopes.${scope.replace(":", "_")}`) ? t(`scopes.${scope.replace(":", "_")}`) : scope);

export async function consents(main, { signal }) {
  setTitle(t("consents.title"));
  main.classList.add("page--narrow");
  const body = h("div", { class: "stack" }, h("div", { class: "panel", "aria-hidden": "true" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" })));
  const status = h("p", { class: "note", role: "status" });
  fill(main,
    h("a", { class: "button button--quiet head__back", href: "/me" }, icon("back"), t("nav.me")),
    h("div", { class: "head" }, h("h1", {}, t("consents.title"))),
    h("div", { class: "stack" }, h("p", {}, t("consents.intro")), status, body));

  const withdraw = async (consent) => {
    const sure = await ask({
      title: t("consents.withdraw_title", { what: scopeName(consent.scope), app: consent.app_name }),
      body: t("consents.withdraw_body", { app: consent.app_name }),
      confirm: t("consents.withdraw"), cancel: t("consents.keep"), urgent: true,
    });
    if (!sure) return;
    try {
      await remove(`/v1/consents/${consent.id}`);
      fill(status, t("consents.withdrawn", { what: scopeName(consent.scope), app: consent.app_name }));
      announce(status.textContent);
      await load();
    } catch (problem) {
      fill(status, sentence(problem));
    }
  };

  async function load() {
    const byApp = new Map();
    for (const consent of await whole("/v1/consents", { signal })) byApp.set(consent.app_id, [...(byApp.get(consent.app_id) ?? []), consent]);
    fill(body, byApp.size
      ? [...byApp.values()].map((group) => h("section", { class: "stack stack--tight" },
        h("h2", {}, group[0].app_name),
        h("ul", { class: "list" }, group.map((consent) => h("li", { class: "setting" },
          h("div", { class: "grow" }, h("strong", {}, scopeName(consent.scope)), h("p", {}, consent.purpose), h("p", { class: "note" }, t("consents.since"), " ", timeElement(consent.granted_at))),
          h("button", { class: "button", type: "button", onclick: () => withdraw(consent), "aria-label": t("consents.withdraw_what", { what: scopeName(consent.scope), app: consent.app_name }) }, t("consents.withdraw")))))))
      : h("div", { class: "empty panel" }, icon("shield"), h("h2", {}, t("consents.empty_title")), h("p", {}, t("consents.empty"))));
  }
  await load();
}
