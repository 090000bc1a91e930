// The desk's first view: the list on the left, the listing on the right, both live, and the address says what is shown.

import { call, whole } from "../js/api.js";
import { announce, fill, h, icon, skeleton } from "../js/dom.js";
import { t, timeElement } from "../js/i18n.js";
import { lift, suspend } from "./decide.js";
import { desk, refusal, start } from "./frame.js";
import { shortcuts } from "./keys.js";
import { ListingDetail } from "./listing-detail.js";
import { chosen, exportCsv, ListingTable } from "./listing-table.js";
import { emptyState, every, liveSwitch } from "./live.js";

const REFRESH = 5; // seconds
const FIELDS = ["q", "state", "sector", "sort", "app"];

const at = (id) => document.getElementById(id);
const isConsole = desk === "console";
const api = isConsole ? "/v1/operator/listings" : "/v1/provider/listings";

let items = null;
let view = {};
let open = { listing: null, etag: null };
let table = null;
let detail = null;
let updated = null;

const address = (change) => {
  const wanted = new URLSearchParams(Object.entries({ ...view, ...change }).filter(([name, value]) => FIELDS.includes(name) && value));
  return location.pathname + (wanted.size ? `?${wanted}` : "");
};

function readAddress() {
  view = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => FIELDS.includes(name)));
  for (const name of ["q", "state", "sector"]) if (at(name) !== document.activeElement) at(name).value = view[name] ?? "";
}

function go(change, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address(change));
  readAddress();
  draw();
}

async function choose(appId, { focus = false } = {}) {
  if (view.app !== appId) {
    open = { listing: items?.find((item) => item.app_id === appId) ?? null, etag: null };
    go({ app: appId });
  }
  await loadDetail();
  if (focus || matchMedia("(max-width: 68rem)").matches) at("detail-title")?.focus();
  if (open.listing) announce(open.listing.name);
}

async function loadDetail() {
  const wanted = view.app;
  if (!wanted) return;
  try {
    const { data, etag } = await call("GET", `${api}/${encodeURIComponent(wanted)}`);
    if (view.app === wanted) open = { listing: data, etag };
    drawDetail();
  } catch (problem) {
    if (view.app === wanted && !open.listing) fill(at("detail"), refusal(problem, loadDetail));
  }
}

async function refresh() {
  try {
    items = await whole(api);
    updated = new Date().toISOString();
    fill(at("freshness"), freshness("updated"));
    draw();
    await loadDetail();
  } catch (problem) {
    if (items) fill(at("freshness"), freshness("stale"));
    else fill(at("listings"), refusal(problem, refresh));
  } finally {
    at("listings").removeAttribute("aria-busy");
  }
}

function freshness(key) {
  const [before, after] = t(`desk.live.${key}`, { time: "\u0000" }).split("\u0000");
  const time = timeElement(updated);
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium", hour12: false }).format(new Date(updated));
  return [before, time, after];
}

function draw() {
  if (!items) return;
  const shown = chosen(items, view);
  at("split").classList.toggle("is-detail", Boolean(view.app));
  at("export").disabled = shown.length === 0;
  const count = t("desk.listings.count", { count: shown.length });
  if (at("count").textContent !== count) at("count").textContent = count; // a live region speaks at every change
  if (!items.length) {
    const step = isConsole ? null : h("a", { class: "button button--primary", href: "/portal/check" }, icon("check"), t("desk.nav.check"));
    const words = isConsole ? ["desk.listings.empty", "desk.listings.empty_do"] : ["desk.listings.portal_empty", "desk.listings.portal_empty_do"];
    fill(at("listings"), emptyState("document", t(words[0]), t(words[1]), step));
  } else if (!shown.length) {
    fill(at("listings"), emptyState("search", t("desk.listings.none_match"), t("desk.listings.none_match_do"),
      h("a", { class: "button", href: location.pathname }, t("desk.listings.show_all"))));
  } else {
    table ??= new ListingTable({ href: address, open: choose });
    table.update(shown, view);
    if (!table.element.isConnected) fill(at("listings"), table.element);
  }
  drawDetail();
}

function drawDetail() {
  if (!view.app) {
    if (detail?.shownId !== undefined || !at("detail").children.length) fill(at("detail"), emptyState("chart", t("desk.listings.choose"), t("desk.listings.choose_do")));
    detail = null;
  } else if (open.listing?.app_id === view.app) {
    const live = items?.find((item) => item.app_id === view.app);
    detail ??= new ListingDetail(at("detail"), { back: () => address({ app: null }), ...(isConsole ? { suspend: (listing) => decide(suspend, listing), lift: (listing) => decide(lift, listing) } : {}) });
    detail.show({ ...open.listing, ...(live ? { calls: live.calls, errors: live.errors, p95_ms: live.p95_ms, spark: live.spark } : {}) });
  } else {
    detail = null;
    fill(at("detail"), h("div", { class: "panel" }, skeleton(6)));
  }
}

async function decide(act, listing) {
  try {
    if (!(await act(listing, open.etag))) return;
  } catch (problem) {
    await refresh();
    const banner = problem.code === "precondition_failed"
      ? h("div", { class: "banner banner--urgent", role: "alert" }, icon("warning"), h("p", {}, t("desk.changed_meanwhile")))
      : refusal(problem);
    at("detail").prepend(banner);
    return;
  }
  await refresh();
  at("detail-title")?.focus();
}

function step(by) {
  const shown = items ? chosen(items, view) : [];
  if (!shown.length) return;
  const place = shown.findIndex((item) => item.app_id === view.app);
  const next = shown[place < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(shown.length - 1, Math.max(0, place + by))];
  const row = document.querySelector(`tr[data-app="${CSS.escape(next.app_id)}"]`);
  choose(next.app_id);
  row?.querySelector("a").focus({ preventScroll: true });
  row?.scrollIntoView({ block: "nearest" });
}

function closeDetail() {
  if (!view.app) return false;
  const appId = view.app;
  go({ app: null });
  document.querySelector(`tr[data-app="${CSS.escape(appId)}"] a`)?.focus();
  return true;
}

await start();
readAddress();
fill(at("listings"), h("div", { class: "panel" }, skeleton(5)));
drawDetail();

at("filters").addEventListener("input", (event) => go({ [event.target.name]: event.target.value }, { replace: true }));
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("listings").addEventListener("click", (event) => {
  const link = event.target.closest("a.sort, .empty a[href]");
  if (!link || event.ctrlKey || event.metaKey || new URL(link.href).pathname !== location.pathname) return;
  event.preventDefault();
  history.replaceState(null, "", link.href);
  document.activeElement?.blur?.();
  readAddress();
  draw();
  if (link.isConnected) link.focus();
});
at("detail").addEventListener("click", (event) => {
  if (!event.target.closest("[data-back]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  closeDetail();
});
at("export").addEventListener("click", () => exportCsv(chosen(items ?? [], view)));
addEventListener("popstate", () => { readAddress(); draw(); loadDetail(); });
shortcuts({
  j: { word: "down", act: () => step(1) },
  k: { word: "up", act: () => step(-1) },
  "/": { word: "find", act: () => at("q").focus() },
  Escape: { word: "back", act: closeDetail },
}, at("keys"));

const isLive = liveSwitch(at("live-switch"), { pause: t("desk.live.pause"), resume: t("desk.live.resume") }, () => refresh());
await refresh();
every(REFRESH, refresh, isLive);
