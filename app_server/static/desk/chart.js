// Calls a minute as a spark line and as a chart, each with the same thing said in words.

import { h, s } from "../js/dom.js";
import { number, t } from "../js/i18n.js";

/** `values` end with the present minute. */
function facts(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  const most = Math.max(0, ...values);
  return { total, most, ago: values.length - 1 - values.lastIndexOf(most), last: values.at(-1) ?? 0 };
}

const ago = (minutes) => (minutes === 0 ? t("desk.detail.this_minute") : t("desk.detail.minutes_ago", { count: minutes }));

/** The last hour in one or two sentences. */
export function summary(values) {
  const { total, most, ago: minutes, last } = facts(values);
  if (total === 0) return t("desk.detail.summary_quiet");
  return t("desk.detail.summary", { total: number(total), most: number(most), ago: ago(minutes), last: number(last) });
}

/** A line of 96 × 28 for a table's cell. */
export function spark(values) {
  const top = Math.max(1, ...values);
  const step = values.length > 1 ? 92 / (values.length - 1) : 0;
  const points = values.map((value, at) => `${(2 + at * step).toFixed(1)},${(25 - (value / top) * 22).toFixed(1)}`);
  const end = points.at(-1)?.split(",");
  return s("svg", { class: "spark", viewBox: "0 0 96 28", width: 96, height: 28, role: "img", "aria-label": summary(values) },
    s("polyline", { points: points.join(" ") }),
    ...(end ? [s("circle", { cx: end[0], cy: end[1], r: 2.2 })] : []));
}

/** Bars of the last hour with a summary, and the numbers as a table behind it. */
export function chart(values) {
  if (!values.some(Boolean)) return h("p", { class: "note" }, summary(values));
  const top = Math.max(...values);
  const width = 600 / Math.max(1, values.length);
  const bars = values.map((value, at) => {
    const height = value === 0 ? 2 : Math.max(4, (value / top) * 118);
    return s("rect", { x: (at * width + 1).toFixed(2), y: (120 - height).toFixed(2), width: (width - 2).toFixed(2), height: height.toFixed(2), class: value === 0 ? "chart__none" : "chart__bar" });
  });
  return h("figure", { class: "chart" },
    h("p", { class: "chart__scale small", "aria-hidden": "true" }, number(top)),
    s("svg", { viewBox: "0 0 600 120", preserveAspectRatio: "none", role: "img", "aria-label": t("desk.detail.calls_per_minute") }, ...bars),
    h("p", { class: "chart__axis small", "aria-hidden": "true" }, h("span", {}, ago(values.length - 1)), h("span", {}, ago(0))),
    h("figcaption", { class: "note" }, summary(values)));
}

/** The rows behind a chart, newest first. */
export function chartTable(values) {
  return h("table", { class: "table" },
    h("caption", { class: "visually-hidden" }, t("desk.detail.calls_per_minute")),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("desk.detail.minute")), h("th", { scope: "col", class: "number" }, t("desk.detail.calls")))),
    h("tbody", {}, values.map((_, at) => h("tr", {}, h("td", {}, ago(at)), h("td", { class: "number" }, number(values[values.length - 1 - at]))))));
}
