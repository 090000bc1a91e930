// The resident's app: views over the public JSON API, one shell around them.

import { announce, fill, h, icon } from "./dom.js";
import { load, t } from "./i18n.js";
import { route, start } from "./router.js";
import { applyLook, inbox, person, startInbox, unreadCount } from "./session.js";
import { cards } from "./views/cards.js";
import { code, showCard } from "./views/show.js";
import { consents } from "./views/consents.js";
import { home } from "./views/home.js";
import { inboxView } from "./views/inbox.js";
import { ledger } from "./views/ledger.js";
import { me } from "./views/me.js";
import { openApp } from "./views/miniapp.js";
import { profile } from "./views/profile.js";
import { sessions } from "./views/sessions.js";

const TOAST = 8000; // ms

route("/", "home", home);
route("/cards", "cards", cards);
route("/cards/:id", "cards", showCard);
route("/code", "code", code);
route("/inbox", "inbox", inboxView);
route("/me", "me", me);
route("/me/profile", "me", profile);
route("/me/ledger", "me", ledger);
route("/me/consents", "me", consents);
route("/me/sessions", "me", sessions);
route("/apps/:id", "home", openApp);

document.addEventListener("banyan:signed-out", () => {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
});

function showUnread() {
  const badge = document.getElementById("unread");
  const count = unreadCount();
  badge.hidden = count === 0;
  fill(badge, count > 99 ? "99+" : String(count), h("span", { class: "visually-hidden" }, ` ${t("inbox.unread", { count })}`));
}

function showToast(item) {
  announce(t("inbox.arrived", { title: item.title }));
  if (location.pathname === "/inbox") return;
  const toast = h("div", { class: "toast" },
    h("p", {}, item.title),
    h("a", { href: "/inbox", onclick: () => toast.remove() }, t("inbox.read_it")),
    h("button", { type: "button", onclick: () => toast.remove() }, icon("close"), h("span", { class: "visually-hidden" }, t("common.put_away"))));
  document.getElementById("toasts").append(toast);
  if (!document.documentElement.hasAttribute("data-elder")) setTimeout(() => toast.remove(), TOAST); // elder mode: it waits
}

document.addEventListener("banyan:acting-changed", () => {
  announce(t("problems.acting_changed"), { urgent: true });
  location.assign("/mandates");
});

/** The bar that says for whom one acts, where the server has not drawn it: in the shell kept for bad networks. */
function showActing({ name, acting }) {
  if (document.getElementById("acting")) return;
  document.body.prepend(h("aside", { class: "acting", id: "acting" }, icon("me"),
    h("p", {}, h("strong", {}, t("acting.for", { name: name ?? "—" })), acting.may_act ? null : ` · ${t("acting.looks")}`),
    h("form", { method: "post", action: "/mandates/acting" }, h("button", { class: "acting__back" }, t("acting.back")))));
}

function watchNetwork() {
  const line = document.getElementById("network");
  const update = () => {
    line.hidden = navigator.onLine;
    line.textContent = navigator.onLine ? "" : t("common.offline");
  };
  addEventListener("online", () => { update(); announce(t("common.online_again")); });
  addEventListener("offline", update);
  update();
}

async function begin() {
  await load();
  watchNetwork();
  inbox.addEventListener("unread", showUnread);
  inbox.addEventListener("notice", (event) => showToast(event.detail));
  const drawn = start();
  try {
    // The server drew the shell in the language the browser asked for; the person's own choice goes before it.
    const someone = await person();
    if (someone.acting) showActing(someone); // it keeps the look of who is in front of the screen
    else if (applyLook(someone) && !sessionStorage.getItem("banyan.look")) {
      sessionStorage.setItem("banyan.look", "applied");
      location.reload();
      return;
    }
  } catch (problem) {
    if (!problem.code) throw problem;
  }
  await startInbox();
  await drawn;
  if ("serviceWorker" in navigator) await navigator.serviceWorker.register(`/sw.js?build=${document.querySelector('meta[name="banyan-messages"]').content}`);
}

begin();
