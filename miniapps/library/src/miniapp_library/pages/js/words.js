// The page's words in the resident's language, and dates and years as people say them.

let locale = "zh-CN";
let words = {};

export async function speak(wanted) {
  locale = wanted?.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
  const reply = await fetch(`/messages/${locale}.json`);
  words = await reply.json();
  document.documentElement.lang = locale;
}

export function say(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** `key` or `key.one`, by number. */
export const count = (key, n, values = {}) => say(n === 1 && `${key}.one` in words ? `${key}.one` : key, { n, ...values });

/** The text of {"en": …, "zh-CN": …} for this resident. */
export const ours = (texts) => texts[locale] ?? Object.values(texts)[0];

/** The same text in the other language, and which language that is. */
export function theirs(texts) {
  const other = locale === "en" ? "zh-CN" : "en";
  return { text: texts[other], lang: other };
}

export function day(iso) {
  const date = new Date(`${iso}T00:00:00+08:00`);
  const year = date.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
  const format = { weekday: locale === "en" ? "short" : undefined, day: "numeric", month: "long", ...year };
  return new Intl.DateTimeFormat(locale === "en" ? "en-GB" : "zh-CN", { timeZone: "Asia/Shanghai", ...format }).format(date);
}

export function yearOf(book) {
  const year = say(book.year < 0 ? "year.bce" : "year.ce", { year: Math.abs(book.year) });
  return (book.circa ? say("year.circa", { year }) : year).replaceAll(" ", "\u00A0");
}
