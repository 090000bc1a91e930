// A mini-app, full-screen under a thin bar: its name, its sponsor's mark, close, and "about this service".

import { get, post, whole } from "../api.js";
import { serve } from "../bridge.js";
import { art, fill, h, icon } from "../dom.js";
import { currentLocale, has, sentence, t } from "../i18n.js";
import { cameFrom, navigate, refresh, setTitle } from "../router.js";
import { inbox } from "../session.js";
import { remember } from "./recent.js";

const REMEDY_IS_WAITING = new Set(["miniapp_unavailable", "temporarily_unavailable", "offline", "slow", "too_many_requests", "internal_error"]);

const look = () => ({
  theme: document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"),
  elder_mode: document.documentElement.hasAttribute("data-elder"),
  locale: currentLocale(),
});

/** A kind page where the service would be. */
function notNow(problem, name) {
  const title = has(`problem_titles.${problem.code}`) ? t(`problem_titles.${problem.code}`, { app: name }) : t("miniapp.not_open", { app: name });
  const again = REMEDY_IS_WAITING.has(problem.code);
  return h("div", { class: "page stack kind" },
    art("banyan", "kind__art"),
    h("h2", {}, title),
    h("p", { class: "lead" }, sentence(problem)),
    problem.members.reason ? h("p", { class: "panel panel--jade" }, t("miniapp.reason", { reason: problem.members.reason })) : null,
    h("div", { class: "button-row" },
      again ? h("button", { class: "button button--primary", type: "button", onclick: refresh }, icon("refresh"), t("common.try_again")) : null,
      h("a", { class: `button ${again ? "" : "button--primary"}`, href: "/" }, t("common.go_home"))),
    problem.requestId ? h("p", { class: "small" }, t("common.reference", { id: problem.requestId })) : null);
}

/** The ways to complain, as links that a phone can follow. */
function contact(ways) {
  if (!ways || typeof ways === "string") return ways;
  const link = (href, words) => h("p", {}, h("a", { href }, words));
  return [
    ways.phone ? link(`tel:${ways.phone.replaceAll(" ", "")}`, ways.phone) : null,
    ways.email ? link(`mailto:${ways.email}`, ways.email) : null,
    ways.url && /^https?:/.test(ways.url) ? link(ways.url, ways.url) : null,
  ];
}

/** Who runs it, what it may see, where to complain. */
async function about(appId) {
  const body = h("div", { class: "stack" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" }));
  const dialog = h("dialog", { "aria-labelledby": "about-title" },
    h("div", { class: "stack" }, h("h2", { id: "about-title" }, t("miniapp.about")), body,
      h("button", { class: "button dialog__foot", type: "button", onclick: () => dialog.close() }, icon("close"), t("common.close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  try {
    const app = await get(`/v1/miniapps/${encodeURIComponent(appId)}`);
    const fact = (name, value) => (value ? [h("dt", {}, t(`miniapp.${name}`)), h("dd", {}, value)] : null);
    fill(body,
      h("p", {}, app.description),
      h("dl", { class: "facts" }, fact("sponsor", app.sponsor), fact("operator", app.operator), fact("sector", t(`sector.${app.sector}`)), fact("filing_number", app.filing_number), fact("complaints", contact(app.complaints))),
      h("h3", {}, t("miniapp.may_see")),
      app.scopes?.length
        ? h("ul", { class: "stack stack--tight" }, app.scopes.map((scope) => h("li", {},
          h("strong", {}, has(`scopes.${scope.scope.replace(":", "_")}`) ? t(`scopes.${scope.scope.replace(":", "_")}`) : scope.scope), " ",
          h("span", { class: "mark mark--plain" }, scope.granted ? t("miniapp.granted") : t("miniapp.not_granted")),
          h("p", { class: "note" }, scope.purpose))))
        : h("p", { class: "note" }, t("miniapp.sees_nothing")),
      h("p", {}, h("a", { href: "/me/consents", onclick: () => dialog.close() }, t("miniapp.change_consents"))));
  } catch (problem) {
    fill(body, h("p", {}, sentence(problem)));
  }
}

const launchApp = (appId, options = {}, asked = {}) => post(`/v1/miniapps/${encodeURIComponent(appId)}/launch`, asked, options);

/**
 * What the page may ask of the shell. A refused launch also goes to `onRefusal`: the page cannot go on without one.
 * `first` is what the launch that opened the frame gave; its code is told once.
 */
function methods(appId, name, first, onRefusal) {
  let untold = first;
  return {
    async launched({ launch_id: launchId }) {
      if (untold?.launch_id !== launchId) throw new TypeError("this launch was told already, or is none of this frame");
      const { response } = untold;
      untold = null;
      return response;
    },
    async launch({ page }) {
      if (page !== undefined && typeof page !== "string") throw new TypeError("page must be a path");
      try {
        const { launch_id: launchId, url, expires_at: ends } = await launchApp(appId, {}, page ? { page } : {});
        return { launch_id: launchId, url, expires_at: ends };
      } catch (problem) {
        if (problem.code) onRefusal(problem);
        throw problem;
      }
    },
    async close() { navigate(cameFrom()); },
    async setTitle({ title }) {
      if (typeof title !== "string" || !title) throw new TypeError("title must be a text");
      setTitle(title === name ? name : `${title.slice(0, 80)} · ${name}`);
    },
    async showCard({ type }) {
      const card = (await whole("/v1/cards")).find((one) => one.app_id === appId && (type === undefined || one.type === type));
      navigate(card ? `/cards/${card.id}` : "/cards");
    },
    async openInbox() { navigate("/inbox"); },
  };
}

export async function openApp(main, { params, query, signal }) {
  const appId = params.id;
  const shell = document.getElementById("shell");
  const frame = document.getElementById("frame");
  const title = h("h1", { tabindex: -1 }, h("span", { class: "visually-hidden" }, t("common.loading")));
  const mark = h("span");
  const asks = h("button", { class: "button button--quiet", type: "button", "aria-label": t("miniapp.about"), onclick: () => about(appId) }, icon("info"), t("miniapp.about_short"));
  const body = h("main", { class: "frame__body" }, h("div", { class: "frame__wait page stack", "aria-hidden": "true" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" })));
  fill(frame,
    h("header", { class: "frame__bar" },
      h("div", { class: "frame__name" }, title, mark),
      asks,
      h("button", { class: "button", type: "button", onclick: () => navigate(cameFrom()) }, icon("close"), t("common.close"))),
    body);
  frame.hidden = false;
  shell.hidden = true;
  document.body.classList.add("framed");
  fill(main);
  title.focus();
  let bridge = null;
  const leave = () => {
    bridge?.close();
    frame.hidden = true;
    frame.replaceChildren();
    shell.hidden = false;
    document.body.classList.remove("framed");
  };
  const named = (app) => {
    setTitle(app.name);
    fill(title, app.name);
    fill(mark, h("span", { class: "mark" }, icon(app.sector), t(`sector.${app.sector}`)));
  };

  /** Ask for consent, or put a kind page where the service would be. */
  const refused = async (problem) => {
    if (signal.aborted) return;
    if (problem.code === "consent_required") {
      const next = encodeURIComponent(location.pathname + location.search);
      location.replace(`/consent?app_id=${encodeURIComponent(appId)}&next=${next}`);
      return;
    }
    const app = await get(`/v1/miniapps/${encodeURIComponent(appId)}`).catch(() => null);
    if (signal.aborted) return;
    const name = app?.name ?? t("miniapp.this_service");
    if (app) named(app);
    else { setTitle(name); fill(title, name); asks.remove(); }
    bridge?.close();
    fill(body, notNow(problem, name));
  };

  /** The city closed the service, or opened it again, while she looks at it. */
  function changed({ detail }) {
    if (detail.app_id !== appId) return;
    if (detail.open) refresh();
    else launchApp(appId).catch((problem) => (problem.code ? refused(problem) : undefined));
  }
  inbox.addEventListener("listing", changed, { signal });

  /** What was missed while the stream was closed. */
  async function catchUp() {
    const app = await get(`/v1/miniapps/${encodeURIComponent(appId)}`, { signal }).catch(() => null);
    if (app && app.open !== Boolean(body.querySelector("iframe"))) changed({ detail: app });
  }
  inbox.addEventListener("reopened", catchUp, { signal });

  const page = query.get("page");
  try {
    const launch = await launchApp(appId, { signal }, { response_mode: "web_message", ...(page ? { page } : {}) });
    if (signal.aborted) { leave(); return null; }
    named(launch.app);
    remember(appId);
    const iframe = h("iframe", { title: launch.app.name, sandbox: "allow-scripts allow-forms allow-same-origin", allow: "camera 'none'; geolocation 'none'; microphone 'none'", referrerpolicy: "origin" });
    iframe.addEventListener("load", () => body.querySelector(".frame__wait")?.remove(), { once: true });
    bridge = serve(iframe, new URL(launch.url).origin, methods(appId, launch.app.name, launch, refused), { onOpen: () => bridge.notify("theme", look()) });
    iframe.src = launch.url;
    body.append(iframe);
  } catch (problem) {
    if (signal.aborted || !problem.code) leave();
    if (signal.aborted) return null;
    if (!problem.code) throw problem;
    await refused(problem);
  }
  return leave;
}
