// The wallet: every card in its issuer's colour, opened with one tap.

import { whole } from "../api.js";
import { fill, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { setTitle } from "../router.js";
import { inbox } from "../session.js";
import { paint } from "./colour.js";

function walletCard(card) {
  const good = card.status === "active";
  const holder = card.fields.find((field) => field.name === "holder_name");
  return h("li", {}, paint(h("a", { class: "wallet-card", href: `/cards/${card.id}` },
    h("div", { class: "spread" },
      h("div", {}, h("h2", {}, card.title), h("p", {}, card.issuer)),
      good ? null : h("span", { class: "mark mark--urgent" }, icon("warning"), t(`cards.status_${card.status}`))),
    h("div", { class: "wallet-card__foot" },
      h("div", {}, h("p", { class: "wallet-card__number" }, card.number_masked), holder ? h("p", {}, holder.value) : null),
      h("span", { class: "wallet-card__action" }, icon("code"), good ? t("cards.show") : t("cards.details")))), card.colour));
}

export async function cards(main, { signal }) {
  setTitle(t("nav.cards"));
  const list = h("div", {}, h("div", { class: "wallet", "aria-hidden": "true" }, h("div", { class: "wallet-card skeleton" })));
  fill(main, h("div", { class: "head" }, h("h1", {}, t("cards.title"))), list);
  const load = async () => {
    const items = await whole("/v1/cards", { signal });
    fill(list, items.length
      ? h("ul", { class: "wallet" }, items.map(walletCard))
      : h("div", { class: "empty panel" }, icon("cards"), h("h2", {}, t("cards.empty_title")), h("p", {}, t("cards.empty")),
        h("a", { class: "button button--primary", href: "/" }, t("cards.empty_step"))));
  };
  await load();
  const again = () => load().catch(() => {});
  inbox.addEventListener("notice", again); // a card that was just issued usually comes with a notice
  return () => inbox.removeEventListener("notice", again);
}
