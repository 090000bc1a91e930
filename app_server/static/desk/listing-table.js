// The table of listings: rows keep their place in the document while their numbers change, so focus and selection stay.

import { fill, h, icon } from "../js/dom.js";
import { number, t } from "../js/i18n.js";
import { spark } from "./chart.js";

const SORTS = {
  name: (item) => item.name,
  state: (item) => t(`desk.state.${item.state}`),
  calls: (item) => item.calls,
  errors: (item) => item.errors,
  p95: (item) => item.p95_ms ?? -1,
};

/** The listings that the address asks for, in its order. `view` has q, state, sector, sort ("-errors": largest first). */
export function chosen(items, view) {
  const wanted = (view.q ?? "").trim().toLocaleLowerCase();
  const found = items.filter((item) =>
    (!wanted || `${item.name} ${item.app_id}`.toLocaleLowerCase().includes(wanted)) &&
    (!view.state || item.state === view.state) && (!view.sector || item.sector === view.sector));
  const down = view.sort?.startsWith("-");
  const key = SORTS[down ? view.sort.slice(1) : view.sort] ?? SORTS.name;
  const compare = (left, right) => (typeof key(left) === "number" ? key(left) - key(right) : String(key(left)).localeCompare(key(right)));
  return found.sort((left, right) => (down ? -compare(left, right) : compare(left, right)) || left.app_id.localeCompare(right.app_id));
}

/** A state as a word in a small shape; suspended is the urgent one. */
export function stateMark(state) {
  const urgent = state === "suspended";
  const open = state === "online" || state === "gray" || state === "testers";
  return h("span", { class: `mark ${urgent ? "mark--urgent" : open ? "" : "mark--plain"}` },
    urgent ? icon("pause") : open ? icon("check") : null, t(`desk.state.${state}`));
}

export class ListingTable {
  /** `href(change)` gives the address for a change of the view; `open(appId)` shows a listing. */
  constructor({ href, open }) {
    this.rows = new Map();
    this.heads = ["name", "state", "calls", "errors", "p95"].map((column) => this.#head(column, href));
    this.body = h("tbody");
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr");
      if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      open(row.dataset.app);
    });
    this.element = h("div", { class: "table-frame" },
      h("table", { class: "table listings" }, h("caption", { class: "visually-hidden" }, t("desk.listings.caption")),
        h("thead", {}, h("tr", {}, this.heads.map(({ cell }) => cell), h("th", { scope: "col", class: "wide-only" }, t("desk.listings.trend")))),
        this.body));
    this.href = href;
  }

  #head(column, href) {
    const link = h("a", { class: "sort", "data-sort": column, href: href({ sort: column }) }, t(`desk.listings.${column}`));
    const numeric = column !== "name" && column !== "state";
    const narrow = column === "p95" ? "wide-only" : column === "state" ? "middle-only" : column === "calls" ? "calls" : "";
    return { column, numeric, link, cell: h("th", { scope: "col", class: `${numeric ? "number" : ""} ${narrow}`.trim() || null }, link) };
  }

  update(items, view) {
    const down = view.sort?.startsWith("-");
    const sorted = (down ? view.sort.slice(1) : view.sort) || "name";
    for (const { column, numeric, link, cell } of this.heads) {
      if (column === sorted) cell.setAttribute("aria-sort", down ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
      const reverse = column === sorted ? !down : numeric; // numbers begin with the largest
      link.href = this.href({ sort: (reverse ? "-" : "") + column });
    }
    const order = items.map((item) => this.#row(item, view.app === item.app_id));
    if (order.some((row, at) => this.body.children[at] !== row) || this.body.children.length !== order.length) {
      const focused = document.activeElement;
      this.body.replaceChildren(...order);
      if (focused?.isConnected) focused.focus({ preventScroll: true });
    }
  }

  #row(item, selected) {
    let row = this.rows.get(item.app_id);
    if (!row) {
      const link = h("a", { class: "listing__name" });
      const cells = { about: h("span", { class: "small" }), mark: h("span", { class: "narrow-only" }), state: h("td", { class: "middle-only" }), calls: h("td", { class: "number calls" }), errors: h("td", { class: "number" }), p95: h("td", { class: "number wide-only" }), spark: h("td", { class: "wide-only" }) };
      row = { link, cells, shown: "", element: h("tr", { "data-app": item.app_id }, h("th", { scope: "row" }, link, h("br"), cells.about, cells.mark), cells.state, cells.calls, cells.errors, cells.p95, cells.spark) };
      this.rows.set(item.app_id, row);
    }
    row.link.href = this.href({ app: item.app_id });
    row.element.classList.toggle("is-open", selected);
    if (selected) row.link.setAttribute("aria-current", "true");
    else row.link.removeAttribute("aria-current");
    const shown = JSON.stringify(item);
    if (shown !== row.shown) {
      row.shown = shown;
      row.link.textContent = item.name;
      row.cells.about.textContent = t(`sector.${item.sector}`);
      fill(row.cells.mark, stateMark(item.state));
      fill(row.cells.state, stateMark(item.state));
      row.cells.calls.textContent = number(item.calls);
      row.cells.errors.textContent = number(item.errors);
      row.cells.errors.classList.toggle("is-wrong", item.errors > 0);
      row.cells.p95.textContent = item.p95_ms == null ? "–" : t("desk.detail.ms", { value: number(Math.round(item.p95_ms)) });
      fill(row.cells.spark, spark(item.spark ?? []));
    }
    return row.element;
  }
}

/** The shown listings as a CSV file (RFC 4180), with a byte order mark so that spreadsheets read the Chinese. */
export function exportCsv(items) {
  const columns = ["app_id", "name", "sector", "sponsor", "state", "calls", "errors", "p95_ms", "updated_at"];
  const cell = (value) => {
    const text = typeof value === "number" ? String(value) : String(value ?? "").replace(/^([=+\-@\t\r])/, "'$1"); // never a formula
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns.join(","), ...items.map((item) => columns.map((column) => cell(item[column])).join(","))];
  const url = URL.createObjectURL(new Blob(["\ufeff", lines.join("\r\n"), "\r\n"], { type: "text/csv;charset=utf-8" }));
  const link = h("a", { href: url, download: `listings-${new Date().toISOString().slice(0, 10)}.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
