// The issuer's colour on a card, with the ink that can be read on it (WCAG 2.2, relative luminance).

const channel = (value) => {
  const part = value / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};

const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);

/** White or near-black, whichever stands out more on `colour` (#rrggbb); null for anything else. */
export function inkOn(colour) {
  const digits = /^#([0-9a-f]{6})$/i.exec(colour ?? "")?.[1];
  if (!digits) return null;
  const light = luminance([0, 2, 4].map((at) => parseInt(digits.slice(at, at + 2), 16)));
  return 1.05 / (light + 0.05) >= (light + 0.05) / (0.0118 + 0.05) ? "#FFFFFF" : "#1C2420";
}

/** Give the element its issuer's colour; without a usable one it keeps the city's green. */
export function paint(element, colour) {
  const ink = inkOn(colour);
  if (!ink) return element;
  element.style.setProperty("--issuer", colour);
  element.style.setProperty("--issuer-ink", ink);
  return element;
}
