// The shell's half of the bridge, as small as it can be: what the city app does, in plain sight.

const id = (name) => document.getElementById(name);
const frame = id("frame");
let port = null;
let origin = null;

const post = (path, body) =>
  fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

function item(text, button) {
  const made = document.createElement("li");
  made.append(text, ...(button ? [" ", button] : []));
  return made;
}

function log(text) {
  id("log").append(item(text));
}

const look = () => ({ theme: id("theme").value, elder_mode: id("elder").checked, locale: id("locale").value });

function tellLook() {
  port?.postMessage({ jsonrpc: "2.0", method: "theme", params: look() });
}

const METHODS = {
  launch: async ({ page }) => (await post("/launch", { page })).json(),
  close: async () => { frame.removeAttribute("src"); },
  setTitle: async ({ title }) => { id("title").textContent = title; },
  showCard: async ({ type }) => { if (!shown.cards.some((card) => card.type === type)) throw new Error("There is no such card."); },
  openInbox: async () => {},
};

window.addEventListener("message", (event) => {
  if (event.origin !== origin || event.source !== frame.contentWindow || event.data?.banyan !== "hello") return;
  const channel = new MessageChannel();
  port = channel.port1;
  port.onmessage = async ({ data }) => {
    log(`${data.method} ${JSON.stringify(data.params)}`);
    try {
      if (!(data.method in METHODS)) throw new Error("The shell does not do that.");
      port.postMessage({ jsonrpc: "2.0", id: data.id, result: (await METHODS[data.method](data.params ?? {})) ?? null });
    } catch (error) {
      port.postMessage({ jsonrpc: "2.0", id: data.id, error: { code: -32000, message: error.message } });
    }
  };
  frame.contentWindow.postMessage({ banyan: "port", version: 1, capabilities: Object.keys(METHODS) }, origin, [channel.port2]);
  tellLook();
});

async function launch() {
  const { url } = await (await post("/launch", {})).json();
  frame.src = url;
}

let shown = { cards: [] };

async function refresh() {
  shown = await (await fetch("/activity")).json();
  origin = shown.origin;
  id("title").textContent ||= shown.title;
  id("resident").textContent = shown.resident.name;
  id("grants").replaceChildren(...shown.resident.grants.map((scope) => {
    const button = document.createElement("button");
    button.textContent = "Withdraw";
    button.addEventListener("click", () => post("/withdraw", { scope }).then(refresh));
    return item(scope, button);
  }));
  id("cards").replaceChildren(...shown.cards.map((card) => item(`${card.title}: ${Object.values(card.fields).join(", ")}`)));
  id("notices").replaceChildren(...shown.notices.map(([title, body]) => item(`${title}. ${body}`)));
}

id("launch").addEventListener("click", launch);
id("close").addEventListener("click", () => METHODS.close());
id("locale").addEventListener("change", async () => { await post("/resident", { locale: id("locale").value }); tellLook(); });
for (const name of ["theme", "elder"]) id(name).addEventListener("change", tellLook);
await refresh();
setInterval(refresh, 1000);
await launch();
