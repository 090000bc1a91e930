// Edit what the city calls me and where I live.

import { get } from "../api.js";
import { announce, fill, h, icon } from "../dom.js";
import { currentLocale, sentence, t } from "../i18n.js";
import { navigate, setTitle } from "../router.js";
import { change, person } from "../session.js";

export async function profile(main, { signal }) {
  setTitle(t("profile.title"));
  main.classList.add("page--narrow");
  fill(main, h("h1", { class: "visually-hidden" }, t("profile.title")), h("div", { class: "panel", "aria-hidden": "true" }, h("div", { class: "skeleton skeleton--line" })));
  const [someone, { items: districts }] = await Promise.all([person(), get("/v1/districts", { signal })]);
  const called = (district) => (currentLocale() === "en" ? district.name_en : district.name);
  const name = h("input", { id: "name", name: "name", autocomplete: "name", maxlength: 60, value: someone.name ?? "", "aria-describedby": "name-hint" });
  const district = h("select", { id: "district", name: "district" },
    h("option", { value: "" }, t("profile.choose_district")),
    districts.map((one) => h("option", { value: one.code, selected: one.code === someone.district?.code }, called(one))));
  const error = h("div", { hidden: true, class: "banner banner--urgent", role: "alert" });
  const send = h("button", { class: "button button--primary" }, t("profile.save"));
  const form = h("form", { class: "panel stack", novalidate: true },
    error,
    h("div", { class: "field" }, h("label", { for: "name" }, t("profile.name")), name, h("p", { class: "hint", id: "name-hint" }, t("profile.name_hint"))),
    h("div", { class: "field" }, h("label", { for: "district" }, t("profile.district")), district),
    h("div", { class: "button-row" }, h("a", { class: "button", href: "/me" }, t("common.cancel")), send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.setAttribute("aria-busy", "true");
    const members = {};
    if (name.value.trim() !== (someone.name ?? "")) members.name = name.value.trim();
    if (district.value && district.value !== someone.district?.code) members.district_code = district.value;
    try {
      if (Object.keys(members).length) await change(members);
      announce(t("common.saved"));
      navigate("/me");
    } catch (problem) {
      fill(error, icon("warning"), h("p", {}, sentence(problem)));
      error.hidden = false;
      name.setAttribute("aria-invalid", String(Boolean(problem.field?.("/name"))));
      send.removeAttribute("aria-busy");
    }
  });
  fill(main,
    h("a", { class: "button button--quiet head__back", href: "/me" }, icon("back"), t("nav.me")),
    h("div", { class: "head" }, h("h1", {}, t("profile.title"))), form);
}
