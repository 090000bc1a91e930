// Small helpers to build pages from data. Text always becomes a text node, so nothing a person wrote is read as HTML.

const SVG = "http://www.w3.org/2000/svg";
const base = new URL("..", import.meta.url).pathname; // the versioned static folder this module came from

/** Build an element. `on…` attributes are listeners, `true` is a bare attribute, `null`/`false` leaves it out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "properties") Object.assign(element, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An icon of the sprite; decorative, because a word always stands beside it. */
export function icon(name, className = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${className}`.trim());
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("viewBox", "0 0 24 24");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${base}icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/** A drawing of the city, in the current colour. */
export function art(name, className) {
  return s("svg", { class: className, viewBox: "0 0 320 200", "aria-hidden": "true" }, s("use", { href: `${base}${name}.svg#${name}` }));
}

/** An SVG element, for charts and rings. */
export function s(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** Replace what `parent` holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return parent;
}

/** Say something to people who listen to the page instead of seeing it. */
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "live-urgent" : "live");
  if (!region) return;
  region.textContent = "";
  requestAnimationFrame(() => { region.textContent = text; });
}

/** `work` as a listener that may be pressed twice: while it is under way, a further press does nothing. */
export function once(work) {
  let running = false;
  return async (...given) => {
    if (running) return;
    running = true;
    try {
      await work(...given);
    } finally {
      running = false;
    }
  };
}

/**
 * Ask before an act that cannot be taken back. Resolves to true, or to the text of `reasonLabel`'s field where one is
 * asked; resolves to false when the person decides against it.
 */
export function ask({ title, body, confirm, cancel, urgent = false, reasonLabel = null }) {
  return new Promise((resolve) => {
    const reason = reasonLabel ? h("textarea", { name: "reason", required: true, maxlength: 500, id: "ask-reason" }) : null;
    const dialog = h("dialog", { "aria-labelledby": "ask-title" },
      h("form", { method: "dialog", class: "stack" },
        h("h2", { id: "ask-title" }, title),
        body ? (typeof body === "string" ? h("p", {}, body) : body) : null,
        reason ? h("div", { class: "field" }, h("label", { for: "ask-reason" }, reasonLabel), reason) : null,
        h("div", { class: "button-row" },
          h("button", { class: "button", value: "no", formnovalidate: true }, cancel),
          h("button", { class: `button ${urgent ? "button--urgent" : "button--primary"}`, value: "yes" }, confirm))));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? (reason ? reason.value.trim() : true) : false);
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Skeleton lines in the shape of what is loading. */
export function skeleton(lines = 3) {
  return h("div", { class: "stack stack--tight", "aria-hidden": "true" },
    Array.from({ length: lines }, (_, i) => h("div", { class: `skeleton skeleton--line${i % 2 ? " skeleton--short" : ""}` })));
}
