// Addresses to views. A view draws into <main> and may return a function to call when it is left.

import { announce, fill, h, icon } from "./dom.js";
import { sentence, t } from "./i18n.js";

const TABS = new Set(["/", "/cards", "/inbox", "/me"]);
const routes = [];
let leave = null;
let current = null;
let turn = 0;
let lastTab = "/";

/** `pattern` like "/cards/:id"; `view(main, {params, query, signal, navigate})` may be async. `tab` is the tab it belongs to. */
export function route(pattern, tab, view) {
  const names = [];
  const source = pattern.replace(/:(\w+)/g, (_, name) => { names.push(name); return "([^/]+)"; });
  routes.push({ expression: new RegExp(`^${source}$`), names, tab, view });
}

function match(path) {
  for (const { expression, names, tab, view } of routes) {
    const found = expression.exec(path);
    if (!found) continue;
    try {
      return { tab, view, params: Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(found[i + 1])])) };
    } catch {
      return null; // not UTF-8, so nobody's name
    }
  }
  return null;
}

/** Go to an address of the app. An address that is not the app's is an ordinary page load. */
export function navigate(path, { replace = false } = {}) {
  const url = new URL(path, location.origin);
  if (url.origin !== location.origin || !match(url.pathname)) return location.assign(url);
  history[replace ? "replaceState" : "pushState"]({ inApp: true }, "", url);
  return show({ focus: true });
}

/** Back to where the person came from, or to `fallback` when they came from outside. */
export function back(fallback = "/") {
  if (history.state?.inApp) history.back();
  else navigate(fallback, { replace: true });
}

/** Draw the view of the current address again. */
export const refresh = () => show({ focus: false });

/** The tab that was open last. Pages inside a frame add to the history, so a service is not closed by going back. */
export const cameFrom = () => lastTab;

/** The title of the page as it is spoken and listed. */
export function setTitle(text) {
  document.title = `${text} · ${t("brand.name")}`;
}

/** A refusal in place of a view or a part of it: one sentence, the remedy, the reference small. */
export function problemPanel(problem, again) {
  return h("div", { class: "empty", role: "alert" },
    icon(problem.code === "offline" ? "offline" : "warning"),
    h("p", {}, sentence(problem)),
    again ? h("button", { class: "button", type: "button", onclick: again }, icon("refresh"), t("common.try_again")) : null,
    problem.requestId ? h("p", { class: "small" }, t("common.reference", { id: problem.requestId })) : null);
}

async function show({ focus }) {
  const mine = ++turn;
  current?.abort();
  current = new AbortController();
  leave?.();
  leave = null;
  document.body.classList.remove("large");
  const main = document.getElementById("main");
  const found = match(location.pathname) ?? match("/");
  main.className = "page";
  if (TABS.has(location.pathname)) lastTab = location.pathname;
  for (const link of document.querySelectorAll("[data-tab]")) {
    if (link.dataset.tab === found.tab) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const context = { params: found.params, query: new URLSearchParams(location.search), signal: current.signal, navigate };
  try {
    const left = await found.view(main, context);
    if (mine === turn) leave = left ?? null;
    else left?.();
  } catch (problem) {
    if (mine !== turn || context.signal.aborted) return;
    if (!problem.code) console.error(problem);
    fill(main, h("h1", { class: "visually-hidden" }, t("problem_page.title")), problemPanel(problem, refresh));
    if (problem.code === "offline") addEventListener("online", refresh, { once: true, signal: current.signal });
  }
  if (mine === turn && focus) {
    scrollTo(0, 0);
    announce(document.title);
  }
}

export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || link.target) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || !match(url.pathname)) return;
    event.preventDefault();
    navigate(url.pathname + url.search);
    document.getElementById("main").focus({ preventScroll: true });
  });
  addEventListener("popstate", () => show({ focus: true }));
  return show({ focus: false });
}
