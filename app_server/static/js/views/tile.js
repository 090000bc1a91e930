// The face of a service: its icon, or the first character of its name while there is none.

import { fill, h } from "../dom.js";

export function face(app) {
  const letter = [...app.name][0] ?? "·";
  const element = h("span", { class: "tile__face", "aria-hidden": "true" }, letter);
  if (app.icon_url) {
    const image = h("img", { src: app.icon_url, alt: "" });
    image.addEventListener("load", () => fill(element, image));
    image.addEventListener("error", () => fill(element, letter));
  }
  return element;
}
