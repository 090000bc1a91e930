// The platform's public JSON API, as a page sees it: same origin, the session cookie, problems as exceptions.

const PATIENCE = 15_000; // ms until a silent request is given up

/** What the server refused, or `code: "offline"` / `"slow"` when it was never reached. Members as in RFC 9457. */
export class ApiProblem extends Error {
  constructor(members) {
    super(members.detail ?? members.title ?? members.code);
    this.name = "ApiProblem";
    this.members = members;
    this.code = members.code;
    this.status = members.status ?? 0;
    this.title = members.title ?? "";
    this.detail = members.detail ?? "";
    this.requestId = members.request_id ?? null;
    this.errors = members.errors ?? [];
  }

  /** The sentence for one field (a JSON pointer such as "/phone"), or null. */
  field(pointer) {
    return this.errors.find((error) => error.pointer === pointer)?.detail ?? null;
  }
}

/** For whom this page was drawn: a mandate's id, or "self". A window beside it may have changed that meanwhile; the server then refuses. */
let actingAs = document.querySelector('meta[name="banyan-acting"]')?.content ?? null;

/** The shell kept for bad networks was drawn for nobody: it learns from the profile for whom it is. */
export function drawnFor(mandate) {
  actingAs ??= mandate ?? "self";
}

/** Call the API. `body` is sent as JSON; `etag` becomes If-Match; `key` Idempotency-Key. */
export async function call(method, path, { body, etag, key, headers = {}, signal } = {}) {
  const sent = { accept: "application/json, application/problem+json", ...headers };
  if (document.documentElement.lang) sent["accept-language"] = document.documentElement.lang;
  if (body !== undefined && !(body instanceof Blob)) sent["content-type"] = "application/json";
  if (actingAs) sent["banyan-acting"] = actingAs;
  if (etag) sent["if-match"] = etag;
  if (key) sent["idempotency-key"] = key;
  signal?.throwIfAborted();
  const limit = new AbortController(); // ends with the caller's signal, or when patience does
  const giveUp = () => limit.abort();
  const timer = setTimeout(giveUp, PATIENCE);
  signal?.addEventListener("abort", giveUp, { once: true });
  let response;
  let data = null;
  try {
    response = await fetch(path, {
      method, headers: sent, credentials: "same-origin", signal: limit.signal,
      body: body === undefined || body instanceof Blob ? body : JSON.stringify(body),
    });
    if (/\bjson\b/.test(response.headers.get("content-type") ?? "")) data = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiProblem({ code: limit.signal.aborted ? "slow" : "offline", status: 0 });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
  }
  if (!response.ok) {
    const problem = new ApiProblem({ code: "unexpected", status: response.status, ...(data ?? {}) });
    if (problem.code === "acting_over" || problem.code === "acting_changed") document.dispatchEvent(new CustomEvent("banyan:acting-changed"));
    if (problem.code === "insufficient_user_authentication") { // show that it is you, then come back to this page
      location.assign(`/presence?${new URLSearchParams({ purpose: problem.members.purpose, next: location.pathname })}`);
    } else if (response.status === 401) document.dispatchEvent(new CustomEvent("banyan:signed-out", { detail: problem }));
    throw problem;
  }
  return { data, etag: response.headers.get("etag"), headers: response.headers, status: response.status };
}

export const get = async (path, options) => (await call("GET", path, options)).data;
export const post = async (path, body, options) => (await call("POST", path, { body, ...options })).data;
export const patch = async (path, body, options) => (await call("PATCH", path, { body, ...options })).data;
export const remove = async (path, options) => (await call("DELETE", path, options)).data;

/** All items of a cursor-paged list, read a hundred at a time. */
export async function whole(path, options) {
  const items = [];
  const url = new URL(path, location.origin);
  url.searchParams.set("limit", "100");
  let page;
  do {
    page = await get(url.pathname + url.search, options);
    items.push(...page.items);
    url.searchParams.set("cursor", page.next);
  } while (page.next);
  return items;
}
