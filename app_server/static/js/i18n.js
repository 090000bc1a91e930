// Words in the reader's language. The catalogue is the same one that the server renders with.

let words = {};
let locale = "en";
const styles = { en: "en-GB", "zh-CN": "zh-CN" }; // day before month and the 24 hour clock in both

/** Load the catalogue named by <html lang> (or `wanted`). Await it once before the first `t`. */
export async function load(wanted = document.documentElement.lang || "en") {
  const meta = document.querySelector('meta[name="banyan-messages"]');
  const build = meta?.content ?? "0";
  const name = wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  const response = await fetch(`/messages/${build}/${name}.json`);
  words = await response.json();
  locale = name;
  document.documentElement.lang = name;
}

function find(key) {
  let node = words;
  for (const part of key.split(".")) node = node?.[part];
  return node;
}

/** The sentence for `key`, with {placeholders} filled. A sentence with forms (`one`, `other`) chooses by `count`. */
export function t(key, values = {}) {
  let sentence = find(key);
  if (sentence && typeof sentence === "object") sentence = sentence[new Intl.PluralRules(locale).select(values.count ?? 0)] ?? sentence.other;
  if (typeof sentence !== "string") return key;
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** True when the catalogue has this key. */
export const has = (key) => find(key) !== undefined;

/** One sentence for a refusal: ours by code, else the server's own words. */
export function sentence(problem) {
  if (problem?.code && has(`problems.${problem.code}`)) return t(`problems.${problem.code}`, problem.members ?? {});
  return problem?.detail || problem?.title || t("problems.unexpected");
}

export const currentLocale = () => locale;
export const number = (value) => new Intl.NumberFormat(styles[locale]).format(value);

const day = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000;

/** A time as people say it: "just now", "5 minutes ago", "today 09:12", "yesterday 18:00", "12 March". */
export function when(value, now = new Date()) {
  const date = new Date(value);
  const seconds = Math.round((now - date) / 1000);
  const relative = new Intl.RelativeTimeFormat(styles[locale], { numeric: "auto" });
  const clock = new Intl.DateTimeFormat(styles[locale], { hour: "2-digit", minute: "2-digit", hour12: false }).format(date);
  if (seconds >= -5 && seconds < 45) return t("time.just_now");
  if (seconds >= 45 && seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), "minute");
  const days = day(date) - day(now);
  if (Math.abs(days) <= 1) return t("time.day_and_clock", { day: relative.format(days, "day"), clock });
  const sameYear = date.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(styles[locale], { day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) }).format(date);
}

/** A day as people name it: "Sunday 22 November". */
export const dayOf = (date) => new Intl.DateTimeFormat(styles[locale], { weekday: "long", day: "numeric", month: "long" }).format(date);

/** The exact time, for those who ask. */
export const exactly = (value) => new Intl.DateTimeFormat(styles[locale], { dateStyle: "full", timeStyle: "medium" }).format(new Date(value));

/** Put the times within `parent` into today's words: "just now" has become "a minute ago". */
export function renewTimes(parent) {
  for (const time of parent.querySelectorAll("time")) time.textContent = when(time.dateTime);
}

/** A <time> element: people's words, with the exact time as its title and datetime. */
export function timeElement(value) {
  const element = document.createElement("time");
  element.dateTime = value;
  element.title = exactly(value);
  element.textContent = when(value);
  return element;
}
