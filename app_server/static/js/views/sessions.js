// Sessions and devices: where I am signed in, name it, end it; and my passkeys.

import { get, patch, remove } from "../api.js";
import { ask, fill, h, icon, once } from "../dom.js";
import { currentLocale, sentence, t, timeElement } from "../i18n.js";
import { setTitle } from "../router.js";
import { askName } from "./name.js";
import { passkeys } from "./passkeys.js";

const HOUR = 3_600_000; // ms: the last use is kept to the hour

const device = (session) => [session.browser, session.system].filter(Boolean).join(" · ") || t("sessions.unknown_device");
const called = (session) => session.name ?? device(session);

function lastUse(session) {
  if (session.current) return t("sessions.in_use");
  return Date.now() - new Date(session.last_used_at) < HOUR ? t("sessions.used_lately") : [t("sessions.last_used"), " ", timeElement(session.last_used_at)];
}

function item(session, { rename, end }) {
  return h("li", { class: "setting" },
    h("div", { class: "grow" },
      h("p", { class: "row" }, h("strong", {}, called(session)), session.current ? h("span", { class: "mark" }, icon("check"), t("sessions.this_one")) : null),
      session.name ? h("p", { class: "note" }, device(session)) : null,
      h("p", { class: "note" }, lastUse(session)),
      h("p", { class: "note" }, t(`sessions.opened.${session.method}`), " ", timeElement(session.opened_at), session.network ? [", ", t("sessions.network", { network: session.network })] : null)),
    h("div", { class: "row" },
      h("button", { class: "button", type: "button", onclick: () => rename(session), "aria-label": t("sessions.rename_what", { name: called(session) }) }, t("sessions.rename")),
      session.current ? null : h("button", { class: "button", type: "button", onclick: () => end(session), "aria-label": t("sessions.end_what", { name: called(session) }) }, t("sessions.end"))));
}

/** What ended, and which services have heard of it. */
function told({ at, confirmed, told: count, services }) {
  return h("section", { class: "stack stack--tight" },
    h("p", {}, h("strong", {}, count ? t("logout.told", { confirmed, count }) : t("logout.told_none")), " ", h("span", { class: "note" }, timeElement(at))),
    h("ul", { class: "list" }, services.map(({ name, state, next_try_at: next }) => h("li", { class: "setting" },
      h("span", { class: "grow" }, name),
      h("span", { class: `mark${["given_up", "refused"].includes(state) ? " mark--urgent" : state === "confirmed" ? "" : " mark--plain"}` }, t(`logout.states.${state}`)),
      state === "confirmed" ? null : h("p", { class: "note grow" }, t(`logout.means.${state}`, { time: next ? new Date(next).toLocaleTimeString(currentLocale()) : "" }))))));
}

export async function sessions(main, { signal }) {
  setTitle(t("sessions.title"));
  main.classList.add("page--narrow");
  const list = h("ul", { class: "list" }, h("li", { class: "setting", "aria-hidden": "true" }, h("div", { class: "grow" }, h("div", { class: "skeleton skeleton--line" }), h("div", { class: "skeleton skeleton--line skeleton--short" }))));
  const status = h("p", { class: "note", role: "status" });
  const more = h("button", { class: "button button--wide", type: "button", hidden: true }, t("common.more"));
  const others = h("div", { hidden: true }, h("button", { class: "button button--urgent", type: "button", onclick: () => endOthers() }, t("sessions.end_others")));
  const logouts = h("section", { class: "stack", "aria-labelledby": "logouts-title", hidden: true });
  const keys = passkeys(signal);
  fill(main,
    h("a", { class: "button button--quiet head__back", href: "/me" }, icon("back"), t("nav.me")),
    h("div", { class: "head" }, h("h1", {}, t("sessions.title"))),
    h("div", { class: "stack stack--loose" },
      h("section", { class: "stack", "aria-labelledby": "sessions-title" },
        h("h2", { id: "sessions-title" }, t("sessions.list_title")),
        h("p", {}, t("sessions.intro")), list, status, more, others),
      logouts,
      keys.section));

  const attempt = async (act, done) => {
    try {
      await act();
      await load();
      fill(status, done);
    } catch (problem) {
      fill(status, sentence(problem));
    }
  };
  const rename = async (session) => {
    const name = await askName({ title: t("sessions.rename_title"), value: session.name });
    if (name !== null) await attempt(() => patch(`/v1/sessions/${session.id}`, { name }), t("sessions.renamed"));
  };
  const end = async (session) => {
    const sure = await ask({ title: t("sessions.end_title", { name: called(session) }), body: t("sessions.end_body"), confirm: t("sessions.end"), cancel: t("sessions.keep"), urgent: true });
    if (sure) await attempt(() => remove(`/v1/sessions/${session.id}`), t("sessions.ended", { name: called(session) }));
  };
  const endOthers = async () => {
    const sure = await ask({ title: t("sessions.end_others_title"), body: t("sessions.end_others_body"), confirm: t("sessions.end_others"), cancel: t("sessions.keep_all"), urgent: true });
    if (sure) await attempt(() => remove("/v1/sessions/others"), t("sessions.others_ended"));
  };

  let cursor = null;
  const page = async () => {
    const found = await get(cursor ? `/v1/sessions?cursor=${encodeURIComponent(cursor)}` : "/v1/sessions", { signal });
    if (!cursor) fill(list);
    list.append(...found.items.map((session) => item(session, { rename, end })));
    cursor = found.next;
    more.hidden = !cursor;
    others.hidden = list.children.length < 2 && !cursor;
  };
  const lately = async () => {
    const { items } = await get("/v1/sessions/logouts?limit=3", { signal });
    logouts.hidden = !items.length;
    fill(logouts, h("h2", { id: "logouts-title" }, t("logout.recent")), items.map(told),
      items.some(({ services }) => services.some(({ state }) => ["waiting", "retrying"].includes(state)))
        ? h("button", { class: "button button--wide", type: "button", onclick: once(() => lately().catch((problem) => fill(status, sentence(problem)))) }, icon("refresh"), t("logout.look_again")) : null);
  };
  const load = () => { cursor = null; return Promise.all([page(), lately()]); };
  more.addEventListener("click", once(() => page().catch((problem) => fill(status, sentence(problem)))));
  await Promise.all([load(), keys.load()]);
}
