// Where in a JSON text the value of a JSON Pointer (RFC 6901) stands.

/** `[start, end]` of the value at `pointer` in `text`, which must be JSON; null when the document has no such place. */
export function place(text, pointer) {
  const wanted = pointer === "" ? [] : pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  let at = 0;
  let found = null;

  const space = () => { while (/\s/.test(text[at] ?? "")) at++; };
  const string = () => {
    const from = at++;
    while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
    at++;
    return JSON.parse(text.slice(from, at));
  };

  /** Steps over one value; `depth` parts of the pointer led here, -1 when it lies elsewhere. */
  const value = (depth) => {
    space();
    const from = at;
    if (text[at] === "{" || text[at] === "[") {
      const isObject = text[at++] === "{";
      for (let index = 0; ; index++) {
        space();
        if (text[at] === "}" || text[at] === "]") break;
        if (text[at] === ",") { at++; space(); }
        const name = isObject ? string() : String(index);
        if (isObject) { space(); at++; }
        value(depth >= 0 && wanted[depth] === name ? depth + 1 : -1);
        space();
      }
      at++;
    } else if (text[at] === '"') {
      string();
    } else {
      while (at < text.length && !/[\s,\]}]/.test(text[at])) at++;
    }
    if (depth === wanted.length) found = [from, at];
  };

  value(0);
  return found;
}

/** The nearest place that exists: the value itself, or what it should be part of. */
export function nearest(text, pointer) {
  for (let path = pointer; ; path = path.slice(0, path.lastIndexOf("/"))) {
    const found = place(text, path);
    if (found || !path) return found;
  }
}
