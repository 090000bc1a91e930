// One listing: its numbers on top, what can be done, what it is, and its history below.

import { fill, h, icon } from "../js/dom.js";
import { currentLocale, number, t, timeElement } from "../js/i18n.js";
import { actionWord, actorWord } from "./audit-words.js";
import { chart, chartTable } from "./chart.js";
import { stateMark } from "./listing-table.js";

/** A text of a manifest, which may come in several languages. */
export const localised = (value) => (value && typeof value === "object" ? value[currentLocale()] ?? value.en ?? Object.values(value)[0] : value) ?? "";

export class ListingDetail {
  /** `back` is the address of the list; `suspend(listing)` and `lift(listing)` only where the person may decide. */
  constructor(element, { back, suspend = null, lift = null }) {
    Object.assign(this, { element, back, suspend, lift, shownId: null, shownAbout: "" });
    this.numbers = h("div", { class: "stack" });
    this.table = h("details", {}, h("summary", {}, t("desk.detail.show_numbers")), h("div", { class: "desk-scroll", tabindex: 0, role: "region", "aria-label": t("desk.detail.calls_per_minute") }));
    this.table.addEventListener("toggle", () => this.#fillTable());
    this.about = h("div", { class: "stack stack--loose" });
    this.head = h("div", { class: "stack stack--tight" });
  }

  /** Numbers may change at every refresh; the rest is only drawn anew when it changed, so that focus stays. */
  show(listing) {
    if (this.shownId !== listing.app_id) {
      this.shownId = listing.app_id;
      this.shownAbout = "";
      this.table.open = false;
      fill(this.element, this.head, h("section", { class: "panel stack", "aria-labelledby": "numbers-title" }, h("h3", { id: "numbers-title" }, t("desk.detail.numbers")), this.numbers, this.table), this.about);
    }
    this.spark = listing.spark ?? [];
    this.#fillNumbers(listing);
    this.#fillTable();
    const { calls, errors, p95_ms, spark, ...rest } = listing;
    const about = JSON.stringify(rest);
    if (about === this.shownAbout) return;
    this.shownAbout = about;
    this.#fillHead(listing);
    fill(this.about, facts(listing), scopes(listing), history(listing));
  }

  #fillNumbers({ calls, errors, p95_ms: slow, spark }) {
    const share = calls ? new Intl.NumberFormat(currentLocale(), { style: "percent", maximumFractionDigits: 1 }).format(errors / calls) : null;
    const figure = (label, value, extra = null, wrong = false) => h("div", { class: `figure${wrong ? " is-wrong" : ""}` }, h("dt", {}, label), h("dd", {}, value, extra ? h("span", { class: "small" }, extra) : null));
    fill(this.numbers,
      h("dl", { class: "figures" },
        figure(t("desk.listings.calls"), number(calls)),
        figure(t("desk.listings.errors"), number(errors), share && errors ? t("desk.detail.error_share", { share }) : null, errors > 0),
        figure(t("desk.listings.p95_long"), slow == null ? "–" : t("desk.detail.ms", { value: number(Math.round(slow)) }))),
      chart(spark ?? []));
  }

  #fillTable() {
    if (this.table.open) fill(this.table.lastElementChild, chartTable(this.spark));
  }

  #fillHead(listing) {
    const suspended = listing.state === "suspended";
    const can = (action) => this[action] && listing.actions?.includes(action);
    const decide = can("lift")
      ? h("button", { type: "button", class: "button button--primary", onclick: () => this.lift(listing) }, icon("play"), t("desk.detail.lift"))
      : can("suspend")
        ? h("button", { type: "button", class: "button button--urgent", onclick: () => this.suspend(listing) }, icon("pause"), t("desk.detail.suspend"))
        : null;
    fill(this.head,
      h("a", { class: "button button--quiet desk-back", href: this.back(), "data-back": true }, icon("back"), t("desk.listings.back")),
      h("div", { class: "spread" },
        h("h2", { class: "listing-title", tabindex: -1, id: "detail-title" }, listing.name),
        h("div", { class: "row" }, h("span", { class: "mark mark--plain" }, icon(listing.sector), t(`sector.${listing.sector}`)), stateMark(listing.state))),
      suspended ? h("div", { class: "banner banner--urgent" }, icon("pause"), h("div", {}, h("p", {}, t("desk.detail.suspended")), listing.state_reason ? h("p", {}, t("desk.detail.reason", { reason: listing.state_reason })) : null)) : null,
      decide ? h("div", { class: "row" }, decide) : null);
  }
}

function facts(listing) {
  const dossier = listing.manifest?.banyan ?? {};
  const rows = [
    ["sponsor", listing.sponsor],
    ["operator", localised(dossier.operator)],
    ["complaints", localised(dossier.complaints)],
    ["filing_number", dossier.filing_number],
    ["app_id", h("span", { class: "mono" }, listing.app_id)],
    ["version", listing.manifest?.version?.name],
    ["updated", listing.updated_at ? timeElement(listing.updated_at) : null],
  ].filter(([, value]) => value);
  return h("section", { class: "stack stack--tight", "aria-labelledby": "about-title" }, h("h3", { id: "about-title" }, t("desk.detail.about")),
    h("dl", { class: "facts" }, rows.map(([name, value]) => [h("dt", {}, t(`desk.detail.${name}`)), h("dd", {}, value)])));
}

function scopes(listing) {
  const asked = listing.manifest?.banyan?.scopes ?? [];
  if (!asked.length) return null;
  return h("section", { class: "stack stack--tight", "aria-labelledby": "scopes-title" }, h("h3", { id: "scopes-title" }, t("desk.detail.scopes")),
    h("ul", { class: "plain-list" }, asked.map(({ scope, purpose, required }) => h("li", {},
      h("span", { class: "mono" }, scope), " ", h("span", { class: "small" }, t(required ? "desk.detail.required" : "desk.detail.optional")),
      h("p", { class: "note" }, localised(purpose))))));
}

function history(listing) {
  if (!listing.history) return null;
  const entries = listing.history.map(({ at, actor, action, reason }) => h("li", {},
    h("p", {}, h("strong", {}, actionWord(action))),
    reason ? h("p", {}, t("desk.detail.reason", { reason })) : null,
    h("p", { class: "small" }, timeElement(at), actor ? ` · ${t("desk.detail.by", { actor: actorWord(actor) })}` : null)));
  return h("section", { class: "stack stack--tight", "aria-labelledby": "history-title" }, h("h3", { id: "history-title" }, t("desk.detail.history")),
    entries.length ? h("ol", { class: "history" }, entries) : h("p", { class: "note" }, t("desk.detail.no_history")));
}
