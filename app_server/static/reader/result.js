// What the person at the desk sees of a check: one word, the least they need, and what to do next.

import { fill, h, icon } from "../js/dom.js";
import { has, sentence, t } from "../js/i18n.js";

const STAYS = { accepted: 10, refused: 25 }; // seconds until it goes on by itself
const NEW_CODE = ["card_code_stale", "card_code_already_used", "card_code_used_elsewhere", "card_code_bad_base45", "card_code_bad_cbor"];

/** Nothing was said about the card: no network, a server that is away, or too many questions. */
export const unanswered = (problem) => problem.status === 0 || problem.status === 429 || problem.status >= 500;

const clock = (value) => new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium", hour12: false }).format(new Date(value));

/** The card is good: its kind and the fields this reader's role may see. `next()` goes back to scanning. */
export function acceptedView(main, verification, next) {
  const { card, fields, at, verifier } = verification;
  return view(main, "accepted", {
    sign: "check",
    word: t("reader.result.accepted"),
    lines: [h("p", { class: "result__card" }, card.title)],
    body: [
      fields.length
        ? h("dl", { class: "result__fields" }, fields.map(({ label, value }) => h("div", {}, h("dt", {}, label), h("dd", {}, value))))
        : h("p", { class: "result__say" }, t("reader.result.gate")),
      h("p", { class: "small" }, t("reader.result.at", { time: clock(at) }), " · ", t("reader.result.seen_by", { name: verifier.name })),
    ],
    spoken: [t("reader.result.accepted"), card.title, ...fields.map(({ label, value }) => `${label}: ${value}`)].join(". "),
    actions: [primary(t("reader.result.next"), next)],
    next,
  });
}

/** It was refused, or could not be checked: why, and what to do about it. `retry()` checks it again, `type()` goes to the number field. */
export function refusedView(main, problem, { next, retry, type }) {
  const known = has(`reader.refused.${problem.code}`);
  const unchecked = unanswered(problem);
  const what = known ? t(`reader.refused.${problem.code}.what`) : sentence(problem);
  const remedy = t(`reader.refused.${known ? problem.code : "other"}.do`);
  const word = t(unchecked ? "reader.result.not_checked" : "reader.result.refused");
  const label = t(unchecked ? "reader.result.retry" : NEW_CODE.includes(problem.code) ? "reader.result.new_code" : "reader.result.next");
  return view(main, unchecked ? "unchecked" : "refused", {
    sign: unchecked ? "offline" : "close",
    word,
    lines: [h("p", { class: "result__what" }, what)],
    body: [
      h("p", { class: "result__say" }, remedy),
      problem.requestId ? h("p", { class: "small" }, t("common.reference", { id: problem.requestId })) : null,
    ],
    spoken: `${word}. ${what} ${remedy}`,
    actions: [
      primary(label, unchecked ? retry : next),
      problem.code === "card_code_unreadable" ? h("button", { type: "button", class: "button", onclick: type }, t("reader.result.type_instead")) : null,
    ],
    next,
  });
}

const primary = (words, act) => h("button", { type: "button", class: "button button--primary result__next", onclick: act }, icon("code"), words);

/** Draws the answer and gives back what is said aloud. */
function view(main, kind, { sign, word, lines, body, spoken, actions, next }) {
  fill(main, h("article", { class: `result result--${kind}` },
    h("header", { class: "result__head" }, h("span", { class: "result__sign" }, icon(sign)), h("h1", {}, word), lines),
    h("div", { class: "result__body stack" }, body),
    h("div", { class: "result__actions stack" }, h("div", { class: "button-row" }, actions), countdown(kind === "accepted" ? STAYS.accepted : STAYS.refused, next))));
  main.querySelector(".result__next").focus({ preventScroll: true });
  scrollTo(0, 0);
  return spoken;
}

/** A bar that runs out and then goes on; one press keeps the result. In elder mode nothing goes on unasked. */
function countdown(seconds, next) {
  if ("elder" in document.documentElement.dataset) return null;
  const bar = h("progress", { max: seconds, value: seconds, "aria-label": t("reader.result.goes_on") });
  const note = h("p", { class: "small" }, t("reader.result.goes_on"));
  const started = performance.now();
  const timer = setInterval(() => {
    if (!bar.isConnected) return clearInterval(timer);
    bar.value = seconds - (performance.now() - started) / 1000;
    if (bar.value > 0) return;
    clearInterval(timer);
    next();
  }, 250);
  const keep = h("button", { type: "button", class: "button button--quiet", onclick: () => {
    clearInterval(timer);
    bar.remove();
    keep.remove();
    note.textContent = t("reader.result.kept");
    document.querySelector(".result__next")?.focus();
  } }, icon("pause"), t("reader.result.keep"));
  return h("div", { class: "result__clock" }, bar, h("div", { class: "spread" }, note, keep));
}
