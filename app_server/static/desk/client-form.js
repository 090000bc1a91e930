// The form of a client: all that it says of itself, and each mistake at the field that it is in.

import { announce, fill, h, icon, once } from "../js/dom.js";
import { sentence, t } from "../js/i18n.js";

const SCOPES = ["profile", "phone", "claim:name", "claim:phone_number", "claim:verified_name", "claim:verified_birthdate", "claim:identity_level", "offline_access"];
const scopeName = (scope) => t(`scopes.${scope.replace(":", "_")}`);
const TEXTS = ["purpose", "legal_basis", "retention"];
const LANGUAGES = ["zh-CN", "en"];

/** `client` is what stands now, null for a new one. `send(asked)` may throw the refusal; `done(client)` gets the answer. */
export function clientForm(client, { send, done, cancel }) {
  const top = h("div", {});
  const pointers = new Map(); // JSON pointer of what a field holds → the field

  const field = (pointer, label, control, hint = null) => {
    control.id = `client${pointer.replaceAll(/[/:]/g, "-")}`;
    pointers.set(pointer, control);
    return h("div", { class: "field" }, h("label", { for: control.id }, label), control,
      hint ? h("p", { class: "hint", id: `${control.id}-hint` }, hint) : null,
      h("p", { class: "error", id: `${control.id}-error`, hidden: true }));
  };
  const line = (value, language) => h("input", { value: value ?? "", maxlength: 200, required: true, lang: language ?? null, autocomplete: "off" });
  const lines = (value, rows) => h("textarea", { class: "mono client-lines", rows, spellcheck: "false", autocapitalize: "off", autocomplete: "off", properties: { value } });
  const inBoth = (pointer, word, texts) => h("div", { class: "client-texts" }, LANGUAGES.map((language) => field(`${pointer}/${language}`, t(`desk.clients.in.${language}`, { what: t(`desk.clients.${word}`) }), line(texts?.[language], language))));

  const uris = field("/redirect_uris", t("desk.clients.places"), lines(client?.redirect_uris.join("\n") ?? "", 3), t("desk.clients.places_hint"));
  const afterLogout = field("/post_logout_redirect_uris", t("desk.clients.after_logout"), lines(client?.post_logout_redirect_uris.join("\n") ?? "", 2), t("desk.clients.after_logout_hint"));
  const receiver = field("/backchannel_logout_uri", t("desk.clients.hears_logout"), h("input", { class: "mono", type: "url", value: client?.backchannel_logout_uri ?? "", maxlength: 255, autocomplete: "off" }), t("desk.clients.hears_logout_hint"));
  const screens = h("input", { type: "checkbox", checked: client?.device_flow ?? false });
  const keys = field("/public_keys", t("desk.clients.keys"), lines(client?.public_keys.length ? JSON.stringify({ keys: client.public_keys }, null, 2) : "", 8), t("desk.clients.keys_hint"));
  const offered = ["private_key_jwt", "none", ...(client?.proof === "client_secret_basic" ? [client.proof] : [])];
  const proofs = offered.map((proof) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "proof", value: proof, checked: (client?.proof ?? "private_key_jwt") === proof, onchange: () => { keys.hidden = proof !== "private_key_jwt"; } }),
    h("span", {}, t(`desk.clients.proofs.${proof}`))));
  keys.hidden = (client?.proof ?? "private_key_jwt") !== "private_key_jwt";
  const bound = h("input", { type: "checkbox", checked: client?.dpop_bound_access_tokens ?? false, "aria-describedby": "client-bound-hint" });

  const scopes = SCOPES.map((scope) => {
    const stands = client?.scopes.find((each) => each.scope === scope);
    const asks = h("input", { type: "checkbox", checked: Boolean(stands), onchange: () => { about.hidden = about.disabled = !asks.checked; } });
    const required = h("input", { type: "checkbox", checked: stands?.required ?? false });
    const about = h("fieldset", { class: "stack client-scope", hidden: !stands, disabled: !stands },
      h("legend", { class: "visually-hidden" }, scopeName(scope)),
      TEXTS.map((text) => inBoth(`/${scope}/${text}`, text, stands?.[text])),
      h("label", { class: "choice" }, required, h("span", {}, t("desk.clients.required"))));
    return { scope, asks, required, element: h("div", {}, h("label", { class: "choice" }, asks, h("strong", {}, scopeName(scope))), about) };
  });
  const asked = () => scopes.filter(({ asks }) => asks.checked);

  const value = (pointer) => pointers.get(pointer).value.trim();
  const uriLines = (pointer) => value(pointer).split("\n").map((uri) => uri.trim()).filter(Boolean);
  const texts = (pointer) => Object.fromEntries(LANGUAGES.map((language) => [language, value(`${pointer}/${language}`)]));

  /** What the form says. Throws a SyntaxError when the keys are no JSON. */
  function read() {
    const proof = form.elements.proof.value;
    const pasted = proof !== "private_key_jwt" || !value("/public_keys") ? [] : JSON.parse(value("/public_keys"));
    return {
      name: texts("/name"),
      redirect_uris: uriLines("/redirect_uris"),
      post_logout_redirect_uris: uriLines("/post_logout_redirect_uris"),
      backchannel_logout_uri: value("/backchannel_logout_uri") || null,
      backchannel_logout_session_required: client?.backchannel_logout_session_required ?? false,
      proof,
      device_flow: screens.checked,
      public_keys: Array.isArray(pasted) ? pasted : pasted.keys ?? [pasted],
      dpop_bound_access_tokens: bound.checked,
      scopes: asked().map(({ scope, required }) => ({ scope, required: required.checked, ...Object.fromEntries(TEXTS.map((text) => [text, texts(`/${scope}/${text}`)])) })),
    };
  }

  /** The field that holds the value at `pointer`, and what to say before the mistake, if the field holds several. */
  function placeOf(pointer) {
    const [, member, index, ...rest] = pointer.split("/");
    if (member === "scopes" && asked()[index]) return [pointers.get(["", asked()[index].scope, ...rest].join("/")), ""];
    if (member.endsWith("redirect_uris") && index !== undefined) return [pointers.get(`/${member}`), t("desk.clients.line", { number: Number(index) + 1 })];
    return [pointers.get(pointer) ?? pointers.get(`/${member}`), ""];
  }

  function say(control, words) {
    const error = form.querySelector(`#${control.id}-error`);
    error.hidden = !words;
    error.textContent = words;
    const about = [form.querySelector(`#${control.id}-hint`), words ? error : null].filter(Boolean).map(({ id }) => id).join(" ");
    for (const [name, stands] of [["aria-invalid", words && "true"], ["aria-describedby", about]]) {
      if (stands) control.setAttribute(name, stands);
      else control.removeAttribute(name);
    }
  }

  function refuse(problem) {
    const elsewhere = [];
    const wrong = new Map();
    for (const { pointer, detail } of problem.errors ?? []) {
      const [control, before] = placeOf(pointer);
      if (control) wrong.set(control, [wrong.get(control), `${before}${detail}`].filter(Boolean).join(" "));
      else elsewhere.push(detail);
    }
    for (const [control, words] of wrong) say(control, words);
    const words = problem.code === "precondition_failed" ? t("desk.clients.changed_meanwhile") : elsewhere.join(" ") || (wrong.size ? t("desk.clients.mend") : problem.detail || sentence(problem));
    fill(top, h("div", { class: "banner banner--urgent" }, icon("warning"), h("p", {}, words)));
    announce(words, { urgent: true });
    const first = [...pointers.values()].find((control) => wrong.has(control));
    (first ?? form.querySelector("h2")).focus();
  }

  const submit = once(async () => {
    fill(top);
    for (const control of pointers.values()) say(control, "");
    let answer;
    try {
      answer = await send(read());
    } catch (problem) {
      if (problem instanceof SyntaxError) refuse({ errors: [{ pointer: "/public_keys", detail: t("desk.check.not_json", { message: problem.message }) }] });
      else refuse(problem);
      return;
    }
    await done(answer.data);
  });

  const form = h("form", { class: "panel stack", novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); } },
    h("h2", { class: "listing-title", tabindex: -1 }, t(client ? "desk.clients.change_title" : "desk.clients.add")),
    top,
    inBoth("/name", "name", client?.name),
    h("p", { class: "note" }, t("desk.clients.name_hint")),
    uris,
    afterLogout,
    receiver,
    h("div", { class: "field" }, h("label", { class: "choice" }, screens, h("span", {}, t("desk.clients.device_flow"))), h("p", { class: "hint" }, t("desk.clients.device_flow_hint"))),
    h("fieldset", { class: "field" }, h("legend", {}, t("desk.clients.proof")), h("div", {}, proofs)),
    keys,
    h("div", { class: "field" }, h("label", { class: "choice" }, bound, h("span", {}, t("desk.clients.bound"))), h("p", { class: "hint", id: "client-bound-hint" }, t("desk.clients.bound_hint"))),
    h("fieldset", { class: "stack stack--tight" }, h("legend", { class: "label" }, t("desk.clients.scopes")), h("p", { class: "note" }, t("desk.clients.scopes_hint")), scopes.map(({ element }) => element)),
    h("div", { class: "button-row" },
      h("button", { type: "button", class: "button", onclick: cancel }, t("common.cancel")),
      h("button", { class: "button button--primary" }, icon("check"), t(client ? "desk.clients.save" : "desk.clients.create"))));
  return form;
}
