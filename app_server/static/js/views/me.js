// Me: who I am here, how the app looks, what others saw and may see, and the way out.

import { announce, ask, fill, h, icon } from "../dom.js";
import { currentLocale, load as loadWords, sentence, t } from "../i18n.js";
import { setTitle } from "../router.js";
import { applyLook, change, person } from "../session.js";
import { forget } from "./recent.js";

function choice(name, legend, options, value, onChange) {
  return h("fieldset", { class: "setting" },
    h("legend", { class: "label" }, legend),
    h("div", { class: "segments" }, options.map(([key, words, lang]) => h("label", {},
      h("input", { type: "radio", name, value: key, checked: key === value, onchange: () => onChange(key) }),
      h("span", { lang: lang ?? null }, words)))));
}

const door = (href, name, words, note) => h("li", {}, h("a", { class: "list__item", href }, icon(name), h("span", { class: "grow" }, h("strong", {}, words), h("span", { class: "note" }, h("br"), note)), icon("next")));

export async function me(main) {
  setTitle(t("nav.me"));
  main.classList.add("page--narrow");
  fill(main, h("div", { class: "head" }, h("h1", {}, t("me.title"))), h("div", { class: "panel person", "aria-hidden": "true" }, h("div", { class: "person__face skeleton" }), h("div", { class: "grow skeleton skeleton--line" })));
  const someone = await person();
  const status = h("p", { class: "note", role: "status" });

  const save = async (members) => {
    try {
      const changed = await change(members);
      if (applyLook(changed)) {
        // The whole shell speaks the new language; it is drawn by the server.
        await loadWords(changed.locale);
        location.reload();
        return;
      }
      fill(status, t("common.saved"));
    } catch (problem) {
      fill(status, sentence(problem));
      announce(sentence(problem), { urgent: true });
    }
  };
  const leave = async () => {
    const sure = await ask({ title: t("me.sign_out_title"), body: t("me.sign_out_body"), confirm: t("me.sign_out"), cancel: t("me.stay") });
    if (!sure) return;
    forget();
    const form = h("form", { method: "post", action: "/sign-out", hidden: true }); // its page says which services heard of it
    document.body.append(form);
    form.submit();
  };
  const district = someone.district && (currentLocale() === "en" ? someone.district.name_en : someone.district.name);
  const elder = h("input", { class: "switch", type: "checkbox", role: "switch", id: "elder", checked: someone.elder_mode, "aria-describedby": "elder-note", onchange: () => save({ elder_mode: elder.checked }) });

  fill(main,
    h("div", { class: "head" }, h("h1", {}, t("me.title"))),
    h("div", { class: "stack" },
      h("section", { class: "panel stack" },
        h("div", { class: "person" },
          h("span", { class: "person__face", "aria-hidden": "true" }, someone.name ? [...someone.name][0] : icon("me")),
          h("div", { class: "grow" }, h("h2", {}, someone.name || t("me.no_name")), h("p", { class: "note number" }, someone.phone_masked), h("p", { class: "note" }, district || t("me.no_district")))),
        someone.acting ? null : h("a", { class: "button", href: "/me/profile" }, t("me.edit"))),
      h("ul", { class: "list" },
        door("/me/ledger", "eye", t("ledger.title"), t("me.ledger_note")),
        door("/me/consents", "shield", t("consents.title"), t("me.consents_note")),
        someone.acting ? null : door("/mandates", "me", t("mandates.title"), t("mandates.note")),
        someone.acting ? null : door("/me/sessions", "phone", t("sessions.title"), t("me.sessions_note")),
        someone.acting ? null : door("/me/identity", "check", t("identity.title"), t("me.identity_note")),
        someone.acting ? null : door("/security", "key", t("security.title"), t("me.security_note"))),
      someone.acting ? null : h("section", { class: "list", "aria-label": t("me.look") },
        h("h2", { class: "setting" }, t("me.look")),
        choice("locale", t("common.language"), [["zh-CN", "简体中文", "zh-CN"], ["en", "English", "en"]], someone.locale, (locale) => save({ locale })),
        choice("theme", t("me.theme"), [["auto", t("me.theme_auto")], ["light", t("me.theme_light")], ["dark", t("me.theme_dark")]], someone.theme, (theme) => save({ theme })),
        h("div", { class: "setting" }, h("div", { class: "grow" }, h("label", { class: "label", for: "elder" }, t("me.elder")), h("p", { class: "note", id: "elder-note" }, t("me.elder_note"))), elder)),
      status,
      h("button", { class: "button button--wide", type: "button", onclick: leave }, icon("exit"), t("me.sign_out"))));
}
