// What both views are made of: covers, what is said after an action, questions, and errors with their remedy.

import { showCard } from "/.banyan/bridge.js";
import { icon, make } from "./dom.js";
import { day, ours, say, theirs, yearOf } from "./words.js";

/** A cover made by the style sheet: its colour says the subject, its letters the title. */
export function cover(book) {
  const title = book.title["zh-CN"];
  const tone = [...book.id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 4;
  const letters = title.length <= 3 ? "few" : title.length <= 8 ? "some" : "many";
  return make("div", { class: `cover cover-${book.subject} tone-${tone} letters-${letters}`, "aria-hidden": "true" },
    make("span", { lang: "zh-CN" }, title));
}

/** Title, the same title in the other language, author and year; of a book that left the catalogue only the first. */
export function described(book, heading) {
  const other = theirs(book.title);
  return make("div", { class: "about" },
    make(heading, { class: "book-title" }, ours(book.title)),
    "author" in book && make("p", { class: "other-title", lang: other.lang }, other.text),
    "author" in book && make("p", { class: "author" }, `${ours(book.author)} · ${yearOf(book)}`));
}

const said = document.getElementById("said");
let silence = 0;

/** Tell what happened, with what can be done next; it stays until read in elder mode, else for a while. */
export function tell(text, { urgent = false, card = false } = {}) {
  clearTimeout(silence);
  said.classList.toggle("urgent", urgent);
  said.replaceChildren(
    icon(urgent ? "alert" : "done"),
    make("div", { class: "said-text" },
      make("p", {}, text),
      card && make("p", { class: "soft" }, say("borrowed.card"))),
    card ? make("button", { type: "button", class: "quiet", onclick: openCard }, say("card.show")) : "");
  said.classList.add("shown");
  if (!document.documentElement.hasAttribute("data-elder")) silence = setTimeout(hush, card ? 12_000 : 6_000);
}

export function hush() {
  clearTimeout(silence);
  said.classList.remove("shown");
  said.replaceChildren();
}

export async function openCard() {
  try {
    await showCard("library-card");
  } catch (problem) {
    tell(sentence(problem), { urgent: true });
  }
}

/** A problem in words for this resident. */
export function sentence(problem) {
  const members = problem.problem ?? {};
  const values = { most: 10, due: members.due ? day(members.due) : "" };
  const key = `error.${problem.code}`;
  const text = say(key, values);
  return text === key ? say("error.other") : text;
}

/** One sentence, the remedy as a button, the reference small. */
export function trouble(problem, again) {
  const id = problem.problem?.request_id;
  return make("div", { class: "trouble", role: "alert" },
    icon("alert"),
    make("p", {}, sentence(problem)),
    make("button", { type: "button", class: "leaf", onclick: again }, say("error.again")),
    id ? make("p", { class: "reference" }, say("error.reference", { id })) : null);
}

/** Ask before something that is not undone by a tap. Resolves to whether the answer was yes. */
export function ask(title, text, yes, no) {
  const dialog = document.getElementById("asked");
  const answer = (value) => () => dialog.close(value);
  dialog.replaceChildren(
    make("h2", { id: "asked-title" }, title),
    make("p", {}, text),
    make("div", { class: "answers" },
      make("button", { type: "button", class: "quiet", onclick: answer("no") }, no),
      make("button", { type: "button", class: "leaf", autofocus: true, onclick: answer("yes") }, yes)));
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
