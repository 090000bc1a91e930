// Who saw my data: every look, newest first.

import { get } from "../api.js";
import { fill, h, icon, once } from "../dom.js";
import { exactly, has, sentence, t, timeElement } from "../i18n.js";
import { setTitle } from "../router.js";

const KINDS = { verifier: "code", miniapp: "document", operator: "government" };
const fieldName = (name) => (has(`fields.${name}`) ? t(`fields.${name}`) : name.replaceAll("_", " "));

function look(entry) {
  return h("li", { class: "look" },
    h("span", { class: "tile__face" }, icon(KINDS[entry.who.kind] ?? "eye")),
    h("div", {},
      h("h2", {}, entry.who.name),
      h("p", { class: "note" }, [t(`ledger.kind_${entry.who.kind}`), entry.who.place].filter(Boolean).join(" · "))),
    h("p", {}, entry.purpose),
    h("p", { class: "look__fields" }, h("span", { class: "visually-hidden" }, t("ledger.saw")), entry.fields.map((name) => h("span", { class: "mark" }, fieldName(name)))),
    h("details", { class: "exact note" }, h("summary", {}, timeElement(entry.at)), exactly(entry.at)));
}

export async function ledger(main, { signal }) {
  setTitle(t("ledger.title"));
  main.classList.add("page--narrow");
  const list = h("ul", { class: "list" }, h("li", { class: "look", "aria-hidden": "true" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" })));
  const status = h("p", { class: "note", role: "status" });
  const more = h("button", { class: "button button--wide", type: "button", hidden: true }, t("common.more"));
  fill(main,
    h("a", { class: "button button--quiet head__back", href: "/me" }, icon("back"), t("nav.me")),
    h("div", { class: "head" }, h("h1", {}, t("ledger.title"))),
    h("div", { class: "stack" }, h("p", {}, t("ledger.intro")), list, status, more));
  let cursor = null;
  const page = async () => {
    const found = await get(cursor ? `/v1/ledger?cursor=${encodeURIComponent(cursor)}` : "/v1/ledger", { signal });
    if (!cursor) fill(list);
    list.append(...found.items.map(look));
    if (!list.firstChild) list.replaceWith(h("div", { class: "empty panel" }, icon("eye"), h("h2", {}, t("ledger.empty_title")), h("p", {}, t("ledger.empty"))));
    cursor = found.next;
    more.hidden = !cursor;
  };
  more.addEventListener("click", once(() => page().catch((problem) => fill(status, sentence(problem)))));
  await page();
}
