// Home: a greeting, what is new, the city code at one tap, the services and their search.

import { get, whole } from "../api.js";
import { announce, fill, h, icon } from "../dom.js";
import { currentLocale, dayOf, sentence, t, timeElement } from "../i18n.js";
import { problemPanel, setTitle } from "../router.js";
import { inbox, person } from "../session.js";
import { recent } from "./recent.js";
import { face } from "./tile.js";

function greeting(name, now = new Date()) {
  const hour = now.getHours();
  const part = hour < 5 ? "night" : hour < 12 ? "morning" : hour < 18 ? "afternoon" : "evening";
  return name ? t(`home.good_${part}_name`, { name }) : t(`home.good_${part}`);
}

const today = () => dayOf(new Date());

function tile(app) {
  return h("li", {}, h("a", { class: "tile", href: `/apps/${encodeURIComponent(app.app_id)}` },
    face(app),
    h("span", {}, h("strong", {}, app.name), h("span", { class: "small" }, t(`sector.${app.sector}`)))));
}

const waitingTiles = () => Array.from({ length: 4 }, () => h("li", { "aria-hidden": "true" }, h("div", { class: "tile" },
  h("div", { class: "tile__face skeleton" }), h("div", { class: "tile__words" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" })))));

const waitingNews = () => [h("div", { class: "spread" }, h("h2", {}, t("home.new"))),
  h("ul", { class: "list", "aria-hidden": "true" }, h("li", { class: "list__item" }, h("div", { class: "grow" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" }))))];

/** The services that match; `showAll` takes the search back. */
async function showServices(list, status, query, { signal, showAll }) {
  const path = query ? `/v1/miniapps?q=${encodeURIComponent(query)}` : "/v1/miniapps";
  const items = await whole(path, { signal });
  const order = recent();
  const place = (app) => (order.includes(app.app_id) ? order.indexOf(app.app_id) : order.length);
  fill(list, (query ? items : [...items].sort((a, b) => place(a) - place(b))).map(tile));
  if (items.length) fill(status);
  else if (query) fill(status, h("p", {}, t("home.nothing_found", { query })), h("button", { class: "button", type: "button", onclick: showAll }, t("home.show_all")));
  else fill(status, t("home.no_services"));
  if (query && items.length) announce(t("home.found", { count: items.length }));
}

/** What the city still needs to know of the person, each one step away. */
function toDo(someone) {
  const open = ["name", "district"].filter((member) => !someone[member]);
  if (!open.length) return null;
  return [h("div", { class: "spread" }, h("h2", {}, t("home.todo", { count: open.length }))),
    h("ul", { class: "list" }, open.map((member) => h("li", {}, h("a", { class: "list__item", href: "/me/profile" },
      icon("me"), h("span", { class: "grow" }, h("strong", {}, t(`home.todo_${member}`)), h("span", { class: "note" }, h("br"), t(`home.todo_${member}_why`))), icon("next")))))];
}

async function showNews(section, signal) {
  const { items, unread } = await get("/v1/inbox?limit=3", { signal });
  const fresh = items.filter((item) => !item.read_at);
  fill(section,
    h("div", { class: "spread" },
      h("h2", {}, unread ? t("home.new_count", { count: unread }) : t("home.new")),
      items.length ? h("a", { href: "/inbox" }, t("home.to_inbox")) : null),
    fresh.length
      ? h("ul", { class: "list" }, fresh.map((item) => h("li", {}, h("a", { class: "list__item", href: "/inbox" },
        h("span", { class: "grow" }, h("strong", {}, item.title), h("span", { class: "notice__meta" }, item.app_name ? h("span", {}, item.app_name) : null, timeElement(item.at))),
        icon("next")))))
      : h("p", { class: "panel note" }, t("home.nothing_new")));
}

export async function home(main, { signal }) {
  setTitle(t("nav.home"));
  main.classList.add("home");
  const heading = h("h1", {}, greeting(""));
  const where = h("p", { class: "note" }, today());
  const todo = h("section", { class: "section home__todo", hidden: true });
  const news = h("section", { class: "section home__news" }, waitingNews());
  const list = h("ul", { class: "tiles" }, waitingTiles());
  const status = h("div", { class: "note home__status", role: "status" });
  const field = h("input", { class: "input", type: "search", id: "service-search", placeholder: t("home.search_hint"), autocomplete: "off", enterkeyhint: "search" });
  fill(main,
    h("div", { class: "greeting stack" },
      h("div", {}, heading, where),
      h("a", { class: "city-code", href: "/code" }, icon("code"),
        h("span", { class: "grow" }, h("strong", {}, t("home.city_code")), t("home.city_code_use")), icon("next"))),
    todo,
    news,
    h("section", { class: "section home__services", "aria-labelledby": "services-title" },
      h("div", { class: "spread" }, h("h2", { id: "services-title" }, t("home.services"))),
      h("div", { class: "stack" },
        h("div", { class: "search" }, h("label", { class: "visually-hidden", for: "service-search" }, t("home.search")), icon("search"), field),
        status, list)));

  let asked = 0;
  let timer = 0;
  const search = async () => {
    const mine = ++asked;
    try {
      await showServices(list, status, field.value.trim(), { signal, showAll: () => { field.value = ""; field.focus(); search(); } });
    } catch (problem) {
      if (signal.aborted || mine !== asked) return;
      if (list.querySelector("a")) fill(status, sentence(problem));
      else { fill(list); fill(status, problemPanel(problem, search)); }
    }
  };
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 200); });
  const refreshNews = () => showNews(news, signal).catch((problem) => {
    if (signal.aborted || news.querySelector(".list:not([aria-hidden]), p.panel")) return; // what is there stays
    fill(news, h("div", { class: "spread" }, h("h2", {}, t("home.new"))), h("div", { class: "panel" }, problemPanel(problem, refreshNews)));
  });
  inbox.addEventListener("notice", refreshNews);
  await Promise.all([
    search(),
    refreshNews(),
    person().then((someone) => {
      if (someone.name) fill(heading, greeting(someone.name));
      const district = someone.district && (currentLocale() === "en" ? someone.district.name_en : someone.district.name);
      const open = toDo(someone);
      if (open) { fill(todo, open); todo.hidden = false; }
      if (district) fill(where, t("home.day_and_place", { day: today(), place: district }));
    }, () => {}),
  ]);
  return () => { clearTimeout(timer); inbox.removeEventListener("notice", refreshNews); };
}
