// Clients: programs of the provider's that sign residents in. The list on the left; one client, or its form, on the right.

import { call, remove, whole } from "../js/api.js";
import { announce, ask, fill, h, icon, skeleton } from "../js/dom.js";
import { has, t, timeElement } from "../js/i18n.js";
import { clientForm } from "./client-form.js";
import { refusal, start } from "./frame.js";
import { localised } from "./listing-detail.js";
import { copy, emptyState, every } from "./live.js";

const REFRESH = 5; // seconds
const API = "/v1/provider/clients";
const at = (id) => document.getElementById(id);
const path = (id) => `${API}/${encodeURIComponent(id)}`;

let shownErrors = null; // {element, clientId, text}: where the errors of the client on the right stand

async function list() {
  try {
    draw(await whole(API));
  } catch (problem) {
    fill(at("clients"), refusal(problem, list));
  } finally {
    at("clients").removeAttribute("aria-busy");
  }
}

function draw(clients) {
  if (!clients.length) {
    fill(at("clients"), emptyState("key", t("desk.clients.empty"), t("desk.clients.empty_do")));
    return;
  }
  const open = chosen();
  fill(at("clients"), h("ul", { class: "clients panel panel--flush" }, clients.map((client) => h("li", {},
    h("a", { href: `?client=${client.client_id}`, "aria-current": client.client_id === open ? "true" : null },
      h("strong", {}, localised(client.name)), h("span", { class: "small mono" }, client.client_id))))));
}

const chosen = () => new URLSearchParams(location.search).get("client");

/** Open what the address names: a client, or nothing. */
async function show({ focus = false } = {}) {
  const id = chosen();
  shownErrors = null;
  for (const link of at("clients").querySelectorAll("a")) {
    if (link.search === location.search) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  if (!id) {
    fill(at("detail"), emptyState("shield", t("desk.clients.choose"), t("desk.clients.choose_do")));
    return;
  }
  fill(at("detail"), h("div", { class: "panel" }, skeleton(6)));
  try {
    const { data, etag } = await call("GET", path(id));
    if (chosen() !== id) return;
    drawClient(data, etag);
    if (focus) at("detail-title").focus();
    await errors();
  } catch (problem) {
    if (chosen() === id) fill(at("detail"), refusal(problem, show));
  }
}

function go(id, options) {
  history.pushState(null, "", id ? `?client=${encodeURIComponent(id)}` : location.pathname);
  return show(options);
}

function drawClient(client, etag) {
  const name = localised(client.name);
  const id = h("span", { class: "mono", id: "client-id" }, client.client_id);
  const copying = h("button", { type: "button", class: "button button--quiet", onclick: () => copy(copying, client.client_id, t("desk.clients.copied"), id) }, icon("copy"), t("desk.clients.copy"));
  const scopes = h("ul", {}, client.scopes.map(({ scope }) => h("li", {}, t(`scopes.${scope}`))));
  const facts = [
    ["client_id", h("span", { class: "row" }, id, copying)],
    ["issuer", h("span", { class: "mono" }, location.origin)],
    ["proves", t(`desk.clients.proofs.${client.proof}`)],
    ["keys", client.public_keys.length ? client.public_keys.map(({ kid }) => h("span", { class: "mono" }, kid, " ")) : null],
    ["after_logout", client.post_logout_redirect_uris.length ? h("ul", {}, client.post_logout_redirect_uris.map((uri) => h("li", { class: "mono client-uri" }, uri))) : null],
    ["tokens", client.dpop_bound_access_tokens ? t("desk.clients.tokens_bound") : null],
    ["hears_logout", client.backchannel_logout_uri ? h("span", { class: "mono client-uri" }, client.backchannel_logout_uri) : null],
    ["asks", client.scopes.length ? scopes : t("desk.clients.scopes_none")],
    ["screens", client.device_flow ? t("desk.clients.screens_may") : null],
    ["created", timeElement(client.created_at)],
  ];
  const list = h("div", { class: "stack" }, h("div", { class: "panel" }, skeleton(2)));
  shownErrors = { element: list, clientId: client.client_id, text: "" };
  fill(at("detail"),
    h("h2", { id: "detail-title", class: "listing-title", tabindex: -1 }, name),
    h("div", { class: "button-row" },
      h("button", { type: "button", class: "button", onclick: () => edit(client, etag) }, icon("document"), t("desk.clients.change")),
      h("button", { type: "button", class: "button button--remove", onclick: () => drop(client) }, icon("close"), t("desk.clients.remove"))),
    h("section", { class: "panel stack", "aria-labelledby": "about-title" },
      h("h3", { id: "about-title" }, t("desk.clients.about")),
      h("dl", { class: "facts" }, facts.filter(([, value]) => value).map(([word, value]) => [h("dt", {}, t(`desk.clients.${word}`)), h("dd", {}, value)]))),
    h("section", { class: "panel stack", "aria-labelledby": "places-title" },
      h("h3", { id: "places-title" }, t("desk.clients.places")),
      h("p", { class: "note" }, t(client.redirect_uris.length ? "desk.clients.try_about" : "desk.clients.places_none")),
      h("ul", { class: "plain-list" }, client.redirect_uris.map((uri) => h("li", { class: "stack stack--tight" },
        h("p", { class: "mono client-uri" }, uri),
        h("div", {}, h("a", { class: "button", href: question(client, uri), target: "_blank", rel: "noopener", "aria-label": t("desk.clients.try_label", { place: uri }) }, icon("play"), t("desk.clients.try"))))))),
    h("section", { class: "stack", "aria-labelledby": "errors-title" },
      h("h3", { id: "errors-title" }, t("desk.clients.errors")),
      h("p", { class: "note" }, t("desk.clients.errors_about")),
      list));
}

/** What the client would ask, without the half of PKCE that only the client has: its program cannot go on with the code. */
function question(client, redirectUri) {
  const random = () => btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return `/authorize?${new URLSearchParams({
    response_type: "code", client_id: client.client_id, redirect_uri: redirectUri, prompt: "consent",
    scope: ["openid", ...client.scopes.map(({ scope }) => scope)].join(" "),
    state: random(), nonce: random(), code_challenge: random(), code_challenge_method: "S256",
  })}`;
}

/** The errors of the client on the right; drawn anew only when there are others. */
async function errors() {
  const shown = shownErrors;
  if (!shown) return;
  try {
    const found = await whole(`${path(shown.clientId)}/errors`);
    const text = JSON.stringify(found);
    if (text === shown.text) return;
    shown.text = text;
    fill(shown.element, found.length ? h("ol", { class: "findings" }, found.map(mistake)) : emptyState("check", t("desk.clients.errors_none"), t("desk.clients.errors_none_do")));
  } catch (problem) {
    if (!shown.text) fill(shown.element, refusal(problem, errors));
  }
}

function mistake({ at: time, endpoint, error, description }) {
  const words = `desk.clients.error_words.${error}`;
  return h("li", { class: "finding" },
    h("p", { class: "row" }, h("span", { class: "mark mark--plain mono" }, error), h("span", { class: "small" }, timeElement(time))),
    has(words) ? h("p", { class: "finding__message" }, t(words)) : null,
    h("p", { class: "small" }, h("span", { class: "mono" }, endpoint), ": ", h("span", { lang: "en" }, description)));
}

function edit(client, etag) {
  shownErrors = null;
  const form = clientForm(client, {
    send: (asked) => call(client ? "PUT" : "POST", client ? path(client.client_id) : API, { body: asked, etag }),
    done: async ({ client_id: id, name }) => {
      announce(t(client ? "desk.clients.changed" : "desk.clients.added", { name: localised(name) }));
      await go(id, { focus: true });
      await list();
    },
    cancel: () => show({ focus: true }).then(() => { if (!client) at("add").focus(); }),
  });
  fill(at("detail"), form);
  form.querySelector("h2").focus();
  form.scrollIntoView({ block: "nearest" });
}

async function drop(client) {
  const name = localised(client.name);
  const sure = await ask({ title: t("desk.clients.remove_title", { name }), body: t("desk.clients.remove_touches"), confirm: t("desk.clients.remove_confirm"), cancel: t("desk.clients.remove_cancel"), urgent: true });
  if (!sure) return;
  try {
    await remove(path(client.client_id));
  } catch (problem) {
    at("detail").prepend(refusal(problem));
    return;
  }
  announce(t("desk.clients.remove_done", { name }));
  await go(null);
  await list();
  at("add").focus();
}

await start();
fill(at("clients"), h("div", { class: "panel" }, skeleton(4)));
at("add").addEventListener("click", () => {
  history.pushState(null, "", location.pathname);
  edit(null);
});
at("clients").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  go(new URL(link.href).searchParams.get("client"), { focus: true });
});
addEventListener("popstate", () => show());
await list();
await show();
every(REFRESH, errors);
