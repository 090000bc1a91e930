// My passkeys: what they are, add one, name it, remove it.

import { ApiProblem, patch, post, remove, whole } from "../api.js";
import { ask, fill, h, icon, once } from "../dom.js";
import { sentence, t, timeElement } from "../i18n.js";
import { make, possible } from "../webauthn.js";
import { askName } from "./name.js";

const called = (passkey) => passkey.name ?? t("passkeys.unnamed");

const said = (problem) => {
  if (problem instanceof ApiProblem) return sentence(problem);
  return problem.name === "InvalidStateError" ? t("passkeys.here_already") : t("passkeys.not_made");
};

/** The section of the page, filled once `load` has come back. */
export function passkeys(signal) {
  const list = h("div");
  const status = h("p", { class: "note", role: "status" });
  const add = h("button", { class: "button button--primary", type: "button" }, icon("plus"), t("passkeys.add"));

  const attempt = async (act, done) => {
    try {
      await act();
      await load();
      fill(status, done);
    } catch (problem) {
      fill(status, said(problem));
    }
  };
  const addOne = async () => {
    add.setAttribute("aria-busy", "true");
    await attempt(async () => {
      const asked = await post("/v1/passkeys/challenges");
      const credential = await make(asked.public_key);
      await post("/v1/passkeys", { challenge_id: asked.challenge_id, credential });
    }, t("passkeys.added"));
    add.removeAttribute("aria-busy");
  };
  const rename = async (passkey) => {
    const name = await askName({ title: t("passkeys.rename_title"), value: passkey.name });
    if (name !== null) await attempt(() => patch(`/v1/passkeys/${passkey.id}`, { name }), t("sessions.renamed"));
  };
  const take = async (passkey) => {
    const sure = await ask({ title: t("passkeys.remove_title", { name: called(passkey) }), body: t("passkeys.remove_body"), confirm: t("passkeys.remove"), cancel: t("passkeys.keep"), urgent: true });
    if (sure) await attempt(() => remove(`/v1/passkeys/${passkey.id}`), t("passkeys.removed", { name: called(passkey) }));
  };
  const item = (passkey) => h("li", { class: "setting" },
    h("div", { class: "grow" },
      h("strong", {}, called(passkey)),
      h("p", { class: "note" }, t("passkeys.added_on"), " ", timeElement(passkey.created_at)),
      h("p", { class: "note" }, passkey.last_used_at ? [t("passkeys.used_on"), " ", timeElement(passkey.last_used_at)] : t("passkeys.never_used"))),
    h("div", { class: "row" },
      h("button", { class: "button", type: "button", onclick: () => rename(passkey), "aria-label": t("sessions.rename_what", { name: called(passkey) }) }, t("sessions.rename")),
      h("button", { class: "button", type: "button", onclick: () => take(passkey), "aria-label": t("passkeys.remove_what", { name: called(passkey) }) }, t("passkeys.remove"))));

  async function load() {
    const items = await whole("/v1/passkeys", { signal });
    fill(list, items.length
      ? h("ul", { class: "list" }, items.map(item))
      : h("div", { class: "empty panel" }, icon("key"), h("h3", {}, t("passkeys.empty_title")), h("p", {}, t("passkeys.empty"))));
  }
  add.addEventListener("click", once(addOne));
  const section = h("section", { class: "stack", "aria-labelledby": "passkeys-title" },
    h("h2", { id: "passkeys-title" }, t("passkeys.title")),
    h("p", {}, t("passkeys.intro")),
    list, status,
    possible() ? h("div", {}, add) : h("p", { class: "banner" }, icon("info"), t("passkeys.not_possible")));
  return { section, load };
}
