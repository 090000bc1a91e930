// What the reader has at home, until when, and her card.

import { api } from "/.banyan/bridge.js";
import { icon, make } from "./dom.js";
import { ask, cover, described, openCard, sentence, tell, trouble } from "./parts.js";
import { count, day, ours, say } from "./words.js";

/** @param {{ name: string | null }} resident @param {() => void} changed */
export function loans(resident, changed) {
  const body = make("div", { class: "loans", "aria-busy": "true" });

  async function load() {
    try {
      show(await api("/api/loans"));
    } catch (problem) {
      body.replaceChildren(trouble(problem, load));
    } finally {
      body.removeAttribute("aria-busy");
    }
  }

  function show({ items, returned, most, card_number: number }) {
    changed(items.length);
    body.replaceChildren(...[
      number && card(resident, number),
      items.length
        ? make("section", {}, make("p", { class: "found" }, say("loans.of", { n: items.length, most })),
            make("ul", { class: "books" }, ...items.map(open)))
        : empty(),
      returned.length
        ? make("section", {}, make("h2", { class: "section" }, say("loans.past")),
            make("ul", { class: "books past" }, ...returned.map(past)))
        : null,
    ].filter(Boolean));
  }

  function open(loan) {
    const title = ours(loan.book.title);
    const renew = loan.renewable && make("button", { type: "button", class: "quiet", "aria-label": say("loan.renew.named", { title }),
      onclick: act(`/api/loans/${loan.id}/renewal`, (after) => say("loan.renewed", { title, due: day(after.due) })) }, say("loan.renew"));
    const back = make("button", { type: "button", class: "quiet", "aria-label": say("loan.return.named", { title }), onclick: async (event) => {
      const button = event.currentTarget;
      if (await ask(say("return.ask", { title }), say("return.text"), say("return.yes"), say("return.no"))) giveBack({ currentTarget: button });
    } }, say("loan.return"));
    const giveBack = act(`/api/loans/${loan.id}/return`, () => say("loan.returned", { title }));
    return make("li", { class: "book" }, cover(loan.book),
      make("div", { class: "words" }, described(loan.book, "h2"), due(loan)),
      make("div", { class: "actions" }, renew, back));
  }

  function act(path, words) {
    const key = crypto.randomUUID();
    return async ({ currentTarget: button }) => {
      button.disabled = true;
      try {
        const after = await api(path, { method: "POST", key });
        tell(words(after));
        await load();
      } catch (problem) {
        button.disabled = false;
        tell(sentence(problem), { urgent: true });
      }
    };
  }

  load();
  return [make("header", { class: "top" }, make("h1", {}, say("loans.title"))), body];
}

function due(loan) {
  const left = loan.days_left;
  const words = left < 0 ? count("loan.overdue", -left) : left === 0 ? say("loan.today") : count("loan.left", left);
  return make("p", { class: `state ${left < 0 ? "late" : left <= 3 ? "soon" : "here"}` },
    make("time", { datetime: loan.due }, say("loan.due", { due: day(loan.due) })), make("span", {}, words));
}

function past(loan) {
  return make("li", { class: "book" }, cover(loan.book),
    make("div", { class: "words" }, described(loan.book, "h3"),
      make("p", { class: "state" }, say("loan.returned.on", { date: day(loan.returned_on) }))));
}

function card(resident, number) {
  return make("section", { class: "card", "aria-label": say("card.title") },
    make("p", { class: "card-title" }, say("card.title")),
    resident.name ? make("p", { class: "card-name" }, resident.name) : null,
    make("p", { class: "card-number" }, make("span", { class: "unseen" }, `${say("card.number")} `), number),
    make("button", { type: "button", class: "on-card", onclick: openCard }, icon("card"), say("card.show")));
}

function empty() {
  return make("div", { class: "empty" }, icon("shelves"), make("p", {}, say("loans.empty")),
    make("a", { class: "leaf", href: "#catalogue" }, say("loans.empty.step")));
}
