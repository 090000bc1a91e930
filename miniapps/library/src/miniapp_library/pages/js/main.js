// The library's two views, and the way between them.

import { api, onTheme, open, setTitle } from "/.banyan/bridge.js";
import { catalogue } from "./catalogue.js";
import { icon, make } from "./dom.js";
import { loans } from "./loans.js";
import { hush, trouble } from "./parts.js";
import { say, speak } from "./words.js";

const view = document.getElementById("view");
const tabs = document.getElementById("tabs");
const VIEWS = { catalogue: "shelves", loans: "loans" };
let resident = null;
let spoken = null;
let openLoans = 0;

const current = () => (location.hash === "#loans" ? "loans" : "catalogue");

function draw({ moved = false } = {}) {
  hush();
  drawTabs();
  const made = current() === "loans" ? loans(resident, (n) => { openLoans = n; drawTabs(); }) : catalogue(resident, countLoans);
  view.replaceChildren(...made);
  view.removeAttribute("aria-busy");
  if (moved) {
    window.scrollTo(0, 0);
    view.focus({ preventScroll: true });
  }
}

function drawTabs() {
  tabs.hidden = false;
  tabs.setAttribute("aria-label", say("app"));
  tabs.replaceChildren(...Object.entries(VIEWS).map(([name, picture]) => {
    const badge = name === "loans" && openLoans > 0;
    return make("a", {
      href: `#${name}`, "aria-current": current() === name ? "page" : null,
      "aria-label": badge ? say("loans.count", { n: openLoans }) : null,
    }, icon(picture), make("span", {}, say(name)), badge && make("span", { class: "badge", "aria-hidden": "true" }, String(openLoans)));
  }));
}

async function countLoans() {
  try {
    openLoans = (await api("/api/loans")).items.length;
    drawTabs();
  } catch {
    // The number is a courtesy; the view itself tells of trouble.
  }
}

async function begin() {
  try {
    resident = await open();
    spoken = spoken ?? resident.locale;
    await speak(spoken);
    setTitle(say("app"));
    draw();
    countLoans();
  } catch (problem) {
    await speak(spoken ?? navigator.language);
    view.removeAttribute("aria-busy");
    view.replaceChildren(make("h1", { class: "unseen" }, say("app")), trouble(problem, begin));
  }
}

onTheme(async ({ locale }) => {
  if (!locale || locale === spoken) return;
  spoken = locale;
  if (!resident) return;
  await speak(locale);
  setTitle(say("app"));
  draw();
});
window.addEventListener("hashchange", () => resident && draw({ moved: true }));
begin();
