// Small things that every live page here does: an empty state, a copy button, a steady refresh, a pause.

import { fill, h, icon } from "../js/dom.js";

/** What will appear here, and the first step towards it. */
export function emptyState(name, title, body, step = null) {
  return h("div", { class: "empty" }, icon(name), h("h2", {}, title), h("p", {}, body), step);
}

/** Copy `text`; the button says so for two seconds. Where copying is refused, the text is selected instead. */
export async function copy(button, text, done, source = null) {
  const before = [...button.childNodes];
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (source) getSelection().selectAllChildren(source);
    return;
  }
  fill(button, icon("check"), done);
  setTimeout(() => fill(button, before), 2000);
}

/** Run `work` every `seconds` while the page is visible and `live()` is true, and at once when it becomes visible again. */
export function every(seconds, work, live = () => true) {
  let timer = null;
  let running = false;
  const turn = async () => {
    clearTimeout(timer);
    if (running) return;
    running = true;
    try {
      if (!document.hidden && live()) await work();
    } finally {
      running = false;
      timer = setTimeout(turn, seconds * 1000);
    }
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) turn(); });
  timer = setTimeout(turn, seconds * 1000);
  return turn;
}

/** A button that pauses and resumes what moves by itself; `live()` tells which. */
export function liveSwitch(button, words, resumed) {
  let live = true;
  button.addEventListener("click", () => {
    live = !live;
    fill(button, icon(live ? "pause" : "play"), h("span", {}, live ? words.pause : words.resume));
    if (live) resumed();
  });
  return () => live;
}
