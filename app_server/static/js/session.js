// Who is signed in, how their pages look, and what is new in their inbox. One copy for all views.

import { call, drawnFor, get } from "./api.js";

let me = null;
let etag = null;

/** The signed-in person as /v1/me tells it; asked once. Rejects with an ApiProblem. */
export async function person() {
  if (!me) {
    ({ data: me, etag } = await call("GET", "/v1/me"));
    drawnFor(me.acting?.mandate_id);
  }
  return me;
}

/** The person if already known, else null. */
export const known = () => me;

/** Change members of the profile. A change made meanwhile on another device is taken over first, then ours is put on top. */
export async function change(members) {
  await person();
  try {
    ({ data: me, etag } = await call("PATCH", "/v1/me", { body: members, etag }));
  } catch (problem) {
    if (problem.code !== "precondition_failed") throw problem;
    ({ etag } = await call("GET", "/v1/me"));
    ({ data: me, etag } = await call("PATCH", "/v1/me", { body: members, etag }));
  }
  return me;
}

/** Draw pages as the person likes them, now and on the server's next page. True when the language changed. */
export function applyLook({ locale, theme, elder_mode: elder }) {
  const root = document.documentElement;
  if (theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = theme;
  root.toggleAttribute("data-elder", Boolean(elder));
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `banyan_look=${locale}.${theme}.${elder ? "elder" : "plain"}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  return root.lang !== locale;
}

/** What arrives: `notice` events carry an item, `unread` events the new count, `listing` events {app_id, open}, `reopened` that some of these may have been missed. */
export const inbox = new EventTarget();
let unread = 0;
let source = null;
let last = null;
let listened = false;
let retry = 1000;
let rest = 0;

const HIDDEN_FOR = 60_000; // ms: a page that nobody looks at gives its stream back

export const unreadCount = () => unread;

export function setUnread(count) {
  unread = Math.max(0, count);
  inbox.dispatchEvent(new Event("unread"));
}

/** Listen from `position` on. The browser resumes a broken stream by Last-Event-ID; a closed one is opened again here. */
export function listen(position = last) {
  last = position;
  let again = listened; // also when the stream before was replaced while it still opened: what it would have told is lost
  listened = true;
  source?.close();
  const mine = new EventSource(last === null ? "/v1/inbox/stream" : `/v1/inbox/stream?after=${encodeURIComponent(last)}`);
  source = mine;
  source.addEventListener("open", () => {
    retry = 1000;
    if (again) inbox.dispatchEvent(new Event("reopened"));
    again = true;
  });
  source.addEventListener("notice", (event) => {
    last = event.lastEventId || last;
    const item = JSON.parse(event.data);
    if (!item.read_at) setUnread(unread + 1);
    inbox.dispatchEvent(new CustomEvent("notice", { detail: item }));
  });
  source.addEventListener("listing", (event) => inbox.dispatchEvent(new CustomEvent("listing", { detail: JSON.parse(event.data) })));
  source.addEventListener("error", () => {
    if (mine.readyState !== EventSource.CLOSED || source !== mine) return;
    later(() => { if (source === mine) listen(); });
    get("/v1/me").catch(() => {}); // a stream does not say why it was refused; this leads to sign-in when the session has ended
  });
}

/** Try again in a moment; in a longer one each time until a stream opens. */
function later(work) {
  setTimeout(work, retry);
  retry = Math.min(retry * 2, 30_000);
}

function followSight() {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (document.visibilityState === "hidden") rest = setTimeout(() => { source?.close(); source = null; }, HIDDEN_FOR);
    else if (!source && last !== null) listen();
  });
}

/** The newest page of the inbox was read: go on from there, so that no notice is missed between, and none counted twice. */
export function follow({ items, unread: count }) {
  const position = items[0]?.position ?? 0;
  setUnread(count);
  if (!source || Number(last) !== position) listen(position);
}

/** Ask how many are unread, then listen for more; where the answer fails, ask again. */
export async function startInbox() {
  followSight();
  const ask = async () => {
    try {
      const first = await get("/v1/inbox?limit=1");
      if (last === null) follow(first); // a view may have been faster
    } catch (problem) {
      if (!problem.code) throw problem;
      later(ask);
    }
  };
  await ask();
}
