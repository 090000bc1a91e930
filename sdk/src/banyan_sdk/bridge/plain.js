// The page for pages without a file of their own: `title` is the heading, `text` a paragraph, `items` a list,
// everything else a line with its name.
import { load, open, setTitle } from "/.banyan/bridge.js";

const page = document.getElementById("page");

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

try {
  const resident = await open();
  document.documentElement.lang = resident.locale;
  const { title, text, items, ...rest } = await load();
  if (title) {
    page.append(element("h1", title));
    setTitle(String(title));
  }
  if (text) page.append(element("p", text));
  if (items) {
    const list = document.createElement("ul");
    list.append(...items.map((item) => element("li", typeof item === "string" ? item : JSON.stringify(item))));
    page.append(list);
  }
  for (const [name, value] of Object.entries(rest)) page.append(element("p", `${name}: ${value}`));
} catch (problem) {
  const sentence = element("p", problem.message);
  sentence.setAttribute("role", "alert");
  page.append(sentence);
} finally {
  page.removeAttribute("aria-busy");
}
