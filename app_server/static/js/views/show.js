// Show a card: a new code every few seconds, a ring that says when, digits to read aloud, and honest words offline.

import { get, whole } from "../api.js";
import { announce, fill, h, icon, s } from "../dom.js";
import { sentence, t } from "../i18n.js";
import { draw } from "../qr.js";
import { back, setTitle } from "../router.js";
import { lastCard, rememberCard } from "./recent.js";

const CIRCLE = 2 * Math.PI * 11;
const RETRY = 3000; // ms between tries while the network is away

/** "482913770126" as four groups of three, so that it can be read aloud. */
const groups = (digits) => digits.match(/.{1,3}/g) ?? [];

function ring() {
  const left = s("circle", { class: "ring__left", cx: 14, cy: 14, r: 11, "stroke-dasharray": CIRCLE, "stroke-dashoffset": 0 });
  const element = s("svg", { class: "ring", viewBox: "0 0 28 28", "aria-hidden": "true" }, s("circle", { class: "ring__track", cx: 14, cy: 14, r: 11 }), left);
  return { element, set: (share) => left.setAttribute("stroke-dashoffset", String(CIRCLE * (1 - share))) };
}

/** Keep the screen on while a code is shown, where the browser can. */
function stayAwake() {
  let lock = null;
  const take = async () => {
    if (document.visibilityState !== "visible" || !("wakeLock" in navigator)) return;
    lock = await navigator.wakeLock.request("screen").catch(() => null);
  };
  document.addEventListener("visibilitychange", take);
  take();
  return () => { document.removeEventListener("visibilitychange", take); lock?.release(); };
}

/** The code of one card, renewed for as long as the page is shown. Returns the panel and how to stop. */
function livingCode(card, signal) {
  const over = h("div", { class: "show__over", hidden: true });
  const picture = h("div", { class: "show__code" }, over);
  const spoken = h("p", { class: "show__spoken" });
  const seconds = h("span", { class: "number" });
  const clock = ring();
  const renew = h("p", { class: "show__renew" }, clock.element, seconds);
  let timer = 0;
  let renewAt = 0;
  let goodUntil = 0;
  let stopped = false;

  const hideCode = (words) => {
    delete picture.dataset.good;
    fill(over, icon("offline"), h("p", {}, words), h("button", { class: "button", type: "button", onclick: fetchCode }, t("common.try_again")));
    over.hidden = false;
    spoken.hidden = true;
    renew.hidden = true;
  };

  async function fetchCode() {
    clearTimeout(timer);
    try {
      const fresh = await get(`/v1/cards/${card.id}/code`, { signal });
      if (stopped) return;
      const life = new Date(fresh.expires_at) - new Date(fresh.issued_at); // the server's own clock at both ends
      renewAt = performance.now() + fresh.refresh_in * 1000;
      goodUntil = performance.now() + life;
      picture.dataset.good = "";
      draw(picture, fresh.text, { label: t("show.picture", { title: card.title }) });
      picture.append(over);
      over.hidden = true;
      spoken.hidden = renew.hidden = false;
      fill(spoken, groups(fresh.spoken).map((group) => h("span", {}, group)));
      count(fresh.refresh_in);
    } catch (problem) {
      if (stopped || signal.aborted) return;
      const away = problem.status === 0 || problem.status === 429 || problem.status >= 500; // nothing was said about the card
      if (away && performance.now() < goodUntil) fill(seconds, t("show.waiting_for_network"));
      else {
        const words = problem.status === 0 ? t("show.offline") : sentence(problem);
        if (over.hidden) announce(words, { urgent: true });
        hideCode(words);
      }
      if (away) timer = setTimeout(fetchCode, RETRY);
    }
  }

  function count(whole) {
    const left = Math.max(0, (renewAt - performance.now()) / 1000);
    clock.set(left / whole);
    fill(seconds, t("show.new_code_in", { seconds: Math.ceil(left) }));
    timer = left > 0 ? setTimeout(count, 250, whole) : setTimeout(fetchCode);
  }

  const wake = () => { if (document.visibilityState === "visible" && performance.now() > renewAt) fetchCode(); };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", fetchCode);
  const letSleep = stayAwake();
  return {
    parts: [picture, spoken, renew],
    start: fetchCode,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", wake);
      removeEventListener("online", fetchCode);
      letSleep();
    },
  };
}

function drawCard(main, card, { signal, others = [], fallback }) {
  setTitle(card.title);
  const good = card.status === "active";
  const living = good ? livingCode(card, signal) : null;
  const larger = h("button", { class: "button", type: "button", "aria-pressed": "false" }, icon("larger"), h("span", {}, t("show.larger")));
  larger.addEventListener("click", () => {
    const large = document.body.classList.toggle("large");
    larger.setAttribute("aria-pressed", String(large));
    fill(larger.lastChild, large ? t("show.smaller") : t("show.larger"));
  });
  fill(main, h("div", { class: "show" },
    others.length > 1 ? h("nav", { class: "chips", "aria-label": t("show.which_card") }, others.map((other) => h("a", {
      class: "chip", href: `/code?card=${other.id}`, "aria-current": other.id === card.id ? "true" : null }, other.title))) : null,
    h("div", { class: `show__panel ${good ? "" : "show__panel--closed"}` },
      h("div", {}, h("h1", { class: "show__title" }, card.title), h("p", { class: "show__issuer" }, card.issuer)),
      living ? living.parts : h("p", { class: "banner banner--urgent" }, icon("warning"), t(`cards.explain_${card.status}`))),
    h("div", { class: "button-row show__actions" },
      good ? larger : null,
      h("button", { class: "button", type: "button", onclick: () => (document.body.classList.contains("large") ? larger.click() : back(fallback)) }, icon("close"), t("common.close"))),
    good ? h("p", { class: "note" }, t("show.how")) : null,
    h("section", { class: "panel", "aria-label": t("show.details") }, h("dl", { class: "facts" }, card.fields.map((field) => [h("dt", {}, field.label), h("dd", {}, field.value)])))));
  if (!living) return null;
  rememberCard(card.id);
  living.start();
  return living.stop;
}

const waiting = (main) => fill(main, h("div", { class: "show" }, h("h1", { class: "visually-hidden" }, t("common.loading")),
  h("div", { class: "show__panel", "aria-hidden": "true" }, h("div", { class: "show__code" }))));

/** /cards/:id */
export async function showCard(main, { params, signal }) {
  waiting(main);
  const card = await get(`/v1/cards/${encodeURIComponent(params.id)}`, { signal });
  return drawCard(main, card, { signal, fallback: "/cards" });
}

/** /code: the city code. It shows the card used last; the others are one tap away. */
export async function code(main, { query, signal }) {
  setTitle(t("nav.code"));
  waiting(main);
  const usable = (await whole("/v1/cards", { signal })).filter((card) => card.status === "active");
  const wanted = query.get("card") ?? lastCard();
  const card = usable.find(({ id }) => id === wanted) ?? usable[0];
  if (card) return drawCard(main, card, { signal, others: usable, fallback: "/" });
  fill(main, h("div", { class: "head" }, h("h1", {}, t("nav.code"))),
    h("div", { class: "empty panel" }, icon("code"), h("h2", {}, t("show.none_title")), h("p", {}, t("show.none")),
      h("a", { class: "button button--primary", href: "/" }, t("cards.empty_step"))));
  return null;
}
