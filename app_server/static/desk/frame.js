// What every view of a desk does: its words, signing out, what to do when the session has ended, a sentence for a refusal.

import { remove } from "../js/api.js";
import { h, icon } from "../js/dom.js";
import { load, sentence, t } from "../js/i18n.js";

/** "console" or "portal". */
export const desk = document.getElementById("main").dataset.desk;

/** Load the words and wire the bar on top. Await it before anything is drawn. */
export async function start() {
  await load();
  document.addEventListener("banyan:signed-out", toSignIn);
  document.getElementById("sign-out").addEventListener("click", async () => {
    await remove("/v1/sign-in/sessions/current").catch(() => {}); // without a session there is nothing to end
    location.assign("/sign-in");
  });
}

function toSignIn() {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** A refusal as a banner: one sentence, the remedy as a button, the reference number small. */
export function refusal(problem, retry = null) {
  return h("div", { class: "banner banner--urgent", role: "alert" }, icon("warning"),
    h("div", { class: "stack stack--tight grow" },
      h("p", {}, sentence(problem)),
      problem.requestId ? h("p", { class: "small" }, t("common.reference", { id: problem.requestId })) : null,
      retry ? h("div", {}, h("button", { type: "button", class: "button", onclick: retry }, icon("refresh"), t("common.try_again"))) : null));
}
