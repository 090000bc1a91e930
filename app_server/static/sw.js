// Keeps the shell at hand for when the network is away: files of one build and the empty shell page, never an answer
// of the API and never a page drawn for somebody.

const BUILD = new URL(location.href).searchParams.get("build");
const CACHE = `banyan-shell-${BUILD}`;
const SHELL = "/shell";
const STATIC = `/static/${BUILD}/`;
const PATIENCE = 4000; // ms until a page that does not come is replaced by the shell

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const { files } = await (await fetch("/shell.json", { cache: "no-cache" })).json();
    const cache = await caches.open(CACHE);
    await cache.addAll([SHELL, ...files]);
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith("banyan-shell-") && name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

const APP_PAGES = /^\/(?:$|cards(?:\/|$)|code$|inbox$|me(?:\/|$)|apps\/)/;

async function pageOrShell(request) {
  const shell = () => caches.match(SHELL, { cacheName: CACHE });
  const patience = new Promise((resolve) => { setTimeout(resolve, PATIENCE, null); });
  try {
    return (await Promise.race([fetch(request), patience])) ?? (await shell()) ?? (await fetch(request));
  } catch (error) {
    const kept = await shell();
    if (kept) return kept;
    throw error;
  }
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith(STATIC) || url.pathname.startsWith(`/messages/${BUILD}/`)) {
    event.respondWith((async () => (await caches.match(request, { cacheName: CACHE })) ?? fetch(request))());
  } else if (request.mode === "navigate" && APP_PAGES.test(url.pathname)) {
    event.respondWith(pageOrShell(request));
  }
});
