// The browser half of the Banyan SDK, served by every mini-app at /.banyan/bridge.js. No dependencies.
//
//   import { open, api } from "/.banyan/bridge.js";
//   const resident = await open();                       // { sub, name, locale, scopes }
//   const books = await api("/api/books?q=banyan");      // your own back end, with the resident's session

/**
 * @typedef {{ sub: string, name: string | null, locale: string, scopes: string[] }} Resident
 * @typedef {{ theme: "auto" | "light" | "dark", elder_mode: boolean, locale: string }} Theme
 * @typedef {{ code: string, status: number, title: string, detail?: string, request_id?: string }} ProblemDocument
 * @typedef {{ method?: string, body?: unknown, key?: string, signal?: AbortSignal }} CallOptions
 */

const SHELL = "banyan:shell-origin"; // replaced by the platform's origin when this file is served
const KEPT = "banyan.session";
const SHELL_PATIENCE = 3000; // ms for the shell to hand over its port
const ANSWER_PATIENCE = 20000; // ms for an answer of the shell

/** An answer that is a problem (RFC 9457), or no answer at all (`code` is then "offline" or "no_shell"). */
export class BanyanProblem extends Error {
  /** @param {ProblemDocument} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title);
    this.name = "BanyanProblem";
    this.problem = problem;
    this.code = problem.code;
    this.status = problem.status;
  }
}

/** @type {{ session: string, ends: number, resident: Resident } | null} */
let session = null;
/** @type {Promise<Resident> | null} */
let opening = null;
/** @type {Map<number, { resolve: (result: any) => void, reject: (reason: Error) => void }>} */
const asked = new Map();
let lastId = 0;
/** @type {Theme | null} */
let theme = null;
/** @type {Set<(theme: Theme) => void>} */
const themeListeners = new Set();
/** @type {string[]} What the shell can do, by method name. */
export let capabilities = [];

/**
 * Who opened the mini-app. Exchanges the one-time code of the launch at the first call, which the shell tells where it
 * does not stand in the address; later calls and other pages of the same tab know it already.
 * @returns {Promise<Resident>}
 */
export function open() {
  opening ??= begin().catch((problem) => {
    opening = null;
    throw problem;
  });
  return opening;
}

async function begin() {
  const address = new URL(location.href);
  const told = address.searchParams.get("banyan_code");
  const launchId = address.searchParams.get("banyan_launch");
  if (launchId) {
    address.searchParams.delete("banyan_code");
    address.searchParams.delete("banyan_launch");
    history.replaceState(history.state, "", address); // a used code is no use in a bookmark
    const code = told ?? (await ask("launched", { launch_id: launchId }).catch(() => null))?.code;
    return code ? exchange(code, launchId) : relaunch(); // never a session of before: somebody else may have opened it
  }
  session = recall();
  return session ? session.resident : relaunch();
}

/** @param {string} code @param {string} launchId */
async function exchange(code, launchId) {
  const reply = await send("/.banyan/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ code, launch_id: launchId }),
  });
  const { session: sealed, expires_in, ...resident } = await answer(reply);
  session = { session: sealed, ends: Date.now() + expires_in * 1000 - 5000, resident };
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(session));
  } catch {
    // A browser without storage opens each page anew.
  }
  return /** @type {Resident} */ (resident);
}

function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    return kept && kept.ends > Date.now() ? kept : null;
  } catch {
    return null;
  }
}

async function relaunch() {
  const launched = await ask("launch", { page: location.pathname });
  const address = new URL(launched.url, location.href);
  const code = address.searchParams.get("banyan_code");
  const launchId = address.searchParams.get("banyan_launch");
  if (address.origin !== location.origin || !code || !launchId) throw noShell();
  return exchange(code, launchId);
}

/** @type {Promise<Resident> | null} */
let renewing = null;

function renew() {
  session = null;
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // see above
  }
  renewing ??= relaunch().finally(() => {
    renewing = null;
  });
  opening = renewing;
  return renewing;
}

/**
 * Call your own back end in the resident's name. An unsafe call carries an Idempotency-Key: the same one when it is
 * repeated, so that a doubtful answer never does a thing twice. Throws BanyanProblem.
 * @param {string} path
 * @param {CallOptions} [options]
 * @returns {Promise<any>} the JSON of the answer, or null
 */
export async function api(path, { method = "GET", body, key, signal } = {}) {
  await open();
  const unsafe = method !== "GET" && method !== "HEAD";
  const once = unsafe ? (key ?? crypto.randomUUID()) : null;
  const call = () =>
    send(path, {
      method,
      signal,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${session?.session ?? ""}`,
        ...(once ? { "idempotency-key": once } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  let reply;
  try {
    reply = await call();
  } catch (problem) {
    if (!(problem instanceof BanyanProblem) || signal?.aborted) throw problem;
    await new Promise((resolve) => setTimeout(resolve, 400));
    reply = await call(); // safe: the key is the same
  }
  if (reply.status === 401) {
    await renew();
    reply = await call();
  }
  return answer(reply);
}

/** What the handler of this page (`@app.page`) returns. */
export function load() {
  return api(location.pathname + location.search);
}

/** @param {string} path @param {RequestInit} init */
async function send(path, init) {
  try {
    return await fetch(path, { credentials: "omit", cache: "no-store", redirect: "error", ...init });
  } catch (failed) {
    if (init.signal?.aborted) throw failed;
    throw new BanyanProblem({ code: "offline", status: 0, title: "There is no connection." });
  }
}

/** @param {Response} reply */
async function answer(reply) {
  const isJson = /[/+]json/.test(reply.headers.get("content-type") ?? "");
  const content = isJson ? await reply.json() : null;
  if (reply.ok) return content;
  const unknown = { code: `http_${reply.status}`, status: reply.status, title: reply.statusText };
  throw new BanyanProblem(content && content.code ? content : unknown);
}

// --- the shell around the page ---

const noShell = () =>
  new BanyanProblem({ code: "no_shell", status: 0, title: "Please open this service from the city app." });

/** @type {Promise<MessagePort>} */
const shell = new Promise((resolve, reject) => {
  if (window.parent === window) {
    reject(noShell());
    return;
  }
  const late = setTimeout(() => reject(noShell()), SHELL_PATIENCE);
  window.addEventListener("message", function greet(event) {
    if (event.source !== window.parent || event.origin !== SHELL) return;
    if (event.data?.banyan !== "port" || event.data.version !== 1 || !event.ports[0]) return;
    window.removeEventListener("message", greet);
    clearTimeout(late);
    capabilities = [...(event.data.capabilities ?? [])];
    event.ports[0].onmessage = ({ data }) => hear(data);
    resolve(event.ports[0]);
  });
  window.parent.postMessage({ banyan: "hello", version: 1 }, SHELL);
});
shell.catch(() => {}); // whoever asks hears of it

/** @param {any} message JSON-RPC 2.0 */
function hear(message) {
  if (message?.jsonrpc !== "2.0") return;
  if (message.method === "theme") {
    wear(message.params);
    return;
  }
  const waiting = asked.get(message.id);
  if (!waiting) return;
  asked.delete(message.id);
  if (message.error) {
    const told = String(message.error.message); // a slug when the platform refused, a sentence when the call was wrong
    const code = /^[a-z][a-z0-9_]*$/.test(told) ? told : "shell_refused";
    waiting.reject(new BanyanProblem({ code, status: 0, title: told, ...message.error.data }));
  } else {
    waiting.resolve(message.result);
  }
}

/**
 * @param {string} method
 * @param {object} [params]
 * @returns {Promise<any>}
 */
async function ask(method, params = {}) {
  const line = await shell;
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      asked.delete(id);
      reject(noShell());
    }, ANSWER_PATIENCE);
    const done = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
      clearTimeout(late);
      settle(value);
    };
    asked.set(id, { resolve: done(resolve), reject: done(reject) });
    line.postMessage({ jsonrpc: "2.0", id, method, params });
  });
}

/** Close the mini-app and go back to the city app. */
export const close = () => ask("close");

/** @param {string} title what the bar above the page says */
export const setTitle = (title) => {
  document.title = title;
  return ask("setTitle", { title }).catch(() => null);
};

/** Show the resident's card of this type, full screen. @param {string} type */
export const showCard = (type) => ask("showCard", { type });

/** Show the resident's inbox. */
export const openInbox = () => ask("openInbox");

// --- how it should look ---

/**
 * Hear how the resident wants pages to look, now and whenever it changes. `<html>` already wears it: `lang`,
 * `data-theme` ("light" or "dark", absent for "auto") and `data-elder`.
 * @param {(theme: Theme) => void} listener
 */
export function onTheme(listener) {
  themeListeners.add(listener);
  if (theme) listener(theme);
}

/** @param {Theme} wanted */
function wear(wanted) {
  theme = wanted;
  const root = document.documentElement;
  if (wanted.theme === "light" || wanted.theme === "dark") root.dataset.theme = wanted.theme;
  else delete root.dataset.theme;
  if (wanted.elder_mode) root.dataset.elder = "";
  else delete root.dataset.elder;
  if (wanted.locale) root.lang = wanted.locale;
  for (const listener of themeListeners) listener(wanted);
}
