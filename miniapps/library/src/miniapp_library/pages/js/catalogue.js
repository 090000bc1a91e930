// Finding and borrowing a book.

import { api } from "/.banyan/bridge.js";
import { icon, make } from "./dom.js";
import { cover, described, sentence, tell, trouble } from "./parts.js";
import { count, day, ours, say } from "./words.js";

const wanted = { q: "", subject: "" };
let latest = 0; // an answer that was overtaken by a newer question is dropped

/** @param {{ name: string | null }} resident @param {() => void} loansChanged */
export function catalogue(resident, loansChanged) {
  const list = make("ul", { class: "books" });
  const found = make("p", { class: "found", role: "status" });
  const more = make("div", { class: "more" });
  const chips = make("div", { class: "chips", role: "group", "aria-label": say("subjects") });

  const field = make("input", {
    id: "q", type: "search", value: wanted.q, placeholder: say("search.placeholder"), autocomplete: "off",
    enterkeyhint: "search", maxlength: 100,
  });
  const clear = make("button", { type: "button", class: "clear", "aria-label": say("search.clear"), hidden: !wanted.q,
    onclick: () => { field.value = ""; field.focus(); changed(); } }, icon("clear"));
  const form = make("form", { role: "search", class: "search", onsubmit: (event) => { event.preventDefault(); field.blur(); find(); } },
    make("label", { for: "q", class: "unseen" }, say("search.label")), icon("search"), field, clear);

  let typing = 0;
  function changed() {
    wanted.q = field.value.trim();
    clear.hidden = !field.value;
    clearTimeout(typing);
    typing = setTimeout(find, 180);
  }
  field.addEventListener("input", changed);

  async function find(cursor = null) {
    const asked = ++latest;
    const query = new URLSearchParams({ q: wanted.q, subject: wanted.subject, ...(cursor ? { cursor } : {}) });
    list.setAttribute("aria-busy", "true");
    try {
      const page = await api(`/api/books?${query}`);
      if (asked !== latest) return;
      show(page, cursor);
    } catch (problem) {
      if (asked !== latest) return;
      if (!cursor) list.replaceChildren();
      more.replaceChildren(trouble(problem, () => find(cursor)));
    } finally {
      if (asked === latest) list.removeAttribute("aria-busy");
    }
  }

  function show(page, cursor) {
    const rows = page.items.map((book) => row(book, loansChanged));
    if (cursor) {
      list.append(...rows);
      rows[0]?.querySelector("button")?.focus();
    } else {
      list.replaceChildren(...rows);
    }
    if (!chips.childElementCount) chips.append(...["", ...page.subjects].map(chip));
    if (page.total === 0) {
      found.textContent = "";
      more.replaceChildren(make("div", { class: "empty" },
        icon("search"),
        make("p", {}, say("books.none", { q: wanted.q })),
        make("p", { class: "soft" }, say("books.none.hint")),
        make("button", { type: "button", class: "leaf", onclick: () => { field.value = ""; wanted.subject = ""; mark(); changed(); } }, say("search.clear"))));
      return;
    }
    found.textContent = count("books.found", page.total);
    more.replaceChildren(page.next
      ? make("button", { type: "button", class: "quiet wide", onclick: () => find(page.next) }, say("books.more"))
      : "");
  }

  function chip(subject) {
    return make("button", { type: "button", class: "chip", "data-subject": subject, "aria-pressed": String(subject === wanted.subject),
      onclick: () => { wanted.subject = subject; mark(); find(); } }, say(`subject.${subject || "all"}`));
  }

  function mark() {
    for (const one of chips.children) one.setAttribute("aria-pressed", String(one.dataset.subject === wanted.subject));
  }

  find();
  return [
    make("header", { class: "top" },
      make("h1", {}, ...greeting(resident.name)), form, chips),
    found, list, more,
  ];
}

/** The greeting, in phrases that are not broken inside where that can be helped: `|` in the text is where. */
function greeting(name) {
  const text = name ? say("greeting", { name }) : say("greeting.nameless");
  return text.split("|").map((phrase) => make("span", { class: "phrase" }, phrase));
}

function row(book, loansChanged) {
  const state = make("p", { class: "state" });
  const action = make("div", { class: "action" });
  const made = make("li", { class: "book" }, cover(book), make("div", { class: "words" }, described(book, "h2"), state), action);

  function draw() {
    state.className = `state ${book.loan ? "mine" : book.available ? "here" : "out"}`;
    state.textContent = book.loan ? say("book.mine")
      : book.available ? say("book.available", { n: book.available, copies: book.copies }) : say("book.out");
    action.replaceChildren(book.loan || !book.available ? "" : make("button", {
      type: "button", class: "leaf", "aria-label": say("book.borrow.named", { title: ours(book.title) }), onclick: borrow,
    }, say("book.borrow")));
  }

  const key = crypto.randomUUID(); // of this row: however often it is tapped, it is one loan
  async function borrow(event) {
    const button = event.currentTarget;
    button.disabled = true;
    button.textContent = say("book.borrowing");
    try {
      const loan = await api("/api/loans", { method: "POST", body: { book_id: book.id }, key });
      book.loan = loan.id;
      book.available -= 1;
      draw();
      tell(say("borrowed", { title: ours(book.title), due: day(loan.due) }), { card: true });
      loansChanged();
    } catch (problem) {
      if (problem.code === "no_copy_left") book.available = 0;
      draw();
      tell(sentence(problem), { urgent: true });
    }
  }

  draw();
  return made;
}
