// The inbox, live: what arrives appears on top while one looks.

import { call, get, post } from "../api.js";
import { announce, fill, h, icon, once } from "../dom.js";
import { sentence, t, timeElement } from "../i18n.js";
import { setTitle } from "../router.js";
import { follow, inbox, setUnread, unreadCount } from "../session.js";

/** Where a notice leads: a page of ours as it is, a page of a mini-app inside that app. */
function destination(item) {
  if (item.link?.startsWith("/apps/") || (item.link && !item.app_id)) return item.link;
  if (item.app_id) return `/apps/${encodeURIComponent(item.app_id)}${item.link ? `?page=${encodeURIComponent(item.link)}` : ""}`;
  return null;
}

function notice(item, markRead) {
  const target = destination(item);
  const element = h("li", {}, h("article", { class: "notice", dataset: { id: item.id, position: item.position } },
    h("span", { class: "notice__dot" }),
    h("div", {},
      h("h2", {}, item.title),
      h("p", { class: "notice__body" }, item.body),
      h("p", { class: "notice__meta" }, item.app_name ? h("span", {}, item.app_name) : null, timeElement(item.at), h("span", { class: "notice__state" })),
      h("div", { class: "notice__acts" },
        target ? h("a", { class: "button button--quiet", href: target, onclick: () => markRead(item) }, item.app_name ? t("inbox.open_app", { app: item.app_name }) : t("inbox.open"), icon("next")) : null,
        h("button", { class: "button button--quiet notice__mark", type: "button", onclick: () => markRead(item) }, t("inbox.mark_read"))))));
  setRead(element, item);
  return element;
}

function setRead(element, item) {
  const article = element.querySelector("article");
  article.toggleAttribute("data-unread", !item.read_at);
  article.querySelector(".notice__state").textContent = item.read_at ? "" : t("inbox.new");
  article.querySelector(".notice__mark").hidden = Boolean(item.read_at);
}

export async function inboxView(main, { signal }) {
  setTitle(t("nav.inbox"));
  fill(document.getElementById("toasts")); // what they announce stands here
  const status = h("p", { class: "note", role: "status" });
  const all = h("button", { class: "button button--quiet", type: "button", hidden: true }, icon("check"), t("inbox.mark_all"));
  const waiting = h("li", { class: "notice", "aria-hidden": "true" }, h("span"), h("div", {}, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" })));
  const list = h("ul", { class: "list" }, waiting);
  const more = h("button", { class: "button button--wide", type: "button", hidden: true }, t("common.more"));
  const empty = h("div", { class: "empty panel", hidden: true }, icon("inbox"), h("h2", {}, t("inbox.empty_title")), h("p", {}, t("inbox.empty")),
    h("a", { class: "button button--primary", href: "/" }, t("cards.empty_step")));
  fill(main, h("div", { class: "head" }, h("h1", {}, t("inbox.title")), all), status, h("div", { class: "stack" }, list, empty, more));

  const items = new Map();
  const elements = new Map();
  const redraw = () => {
    all.hidden = ![...items.values()].some((item) => !item.read_at);
    empty.hidden = items.size > 0;
    list.hidden = items.size === 0;
  };
  const markRead = async (item) => {
    if (item.read_at) return;
    const put = (at, change) => {
      item.read_at = at;
      setRead(elements.get(item.id), item);
      setUnread(unreadCount() + change);
      redraw();
    };
    put(new Date().toISOString(), -1);
    try {
      await call("POST", `/v1/inbox/${item.id}/read`);
    } catch (problem) {
      put(null, 1);
      fill(status, sentence(problem));
    }
  };
  const add = (item, where) => {
    if (items.has(item.id)) return;
    items.set(item.id, item);
    const element = notice(item, markRead);
    elements.set(item.id, element);
    list[where](element);
    if (where === "prepend") element.querySelector("article").dataset.fresh = "";
  };
  all.addEventListener("click", async () => {
    const newest = Math.max(...[...items.values()].map((item) => item.position));
    try {
      await post("/v1/inbox/read", { up_to: newest });
    } catch (problem) {
      fill(status, sentence(problem));
      return;
    }
    for (const item of items.values()) {
      item.read_at ??= new Date().toISOString();
      setRead(elements.get(item.id), item);
    }
    setUnread(0);
    redraw();
    announce(t("inbox.all_read"));
  });

  let cursor = null;
  const page = async () => {
    const found = await get(cursor ? `/v1/inbox?cursor=${encodeURIComponent(cursor)}` : "/v1/inbox", { signal });
    if (!cursor) { waiting.remove(); follow(found); }
    for (const item of found.items) add(item, "append");
    cursor = found.next;
    more.hidden = !cursor;
    redraw();
  };
  more.addEventListener("click", once(() => page().catch((problem) => fill(status, sentence(problem)))));
  const arrived = (event) => { add(event.detail, "prepend"); redraw(); };
  inbox.addEventListener("notice", arrived, { signal }); // before the page is asked for: what comes meanwhile is not on it
  await page();
}
