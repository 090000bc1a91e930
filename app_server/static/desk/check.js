// A provider's manifest, checked: every finding at once, with its place and how to mend it.

import { post } from "../js/api.js";
import { announce, fill, h, icon } from "../js/dom.js";
import { t } from "../js/i18n.js";
import { refusal, start } from "./frame.js";
import { emptyState } from "./live.js";
import { nearest } from "./pointer.js";

const at = (id) => document.getElementById(id);
const ORDER = ["error", "warning", "info"];
const ICONS = { error: "warning", warning: "info", info: "info" };

function show(pointer) {
  const field = at("manifest");
  const found = nearest(field.value, pointer);
  if (!found) return;
  field.focus();
  field.setSelectionRange(...found);
  const line = field.value.slice(0, found[0]).split("\n").length;
  field.scrollTop = (line - 3) * (field.scrollHeight / field.value.split("\n").length);
}

function finding({ rule, pointer, severity, message, mend }) {
  const known = ORDER.includes(severity) ? severity : "info";
  return h("li", { class: "finding" },
    h("p", { class: "row" },
      h("span", { class: `mark ${known === "error" ? "mark--urgent" : known === "info" ? "mark--plain" : ""}` }, icon(ICONS[known]), t(`desk.check.severity.${known}`)),
      h("span", { class: "small mono" }, rule)),
    h("p", { class: "finding__message" }, message),
    mend ? h("p", { class: "note" }, h("strong", {}, t("desk.check.mend")), ": ", mend) : null,
    h("p", { class: "row" }, h("span", { class: "small" }, t("desk.check.at"), " ", h("code", { class: "mono" }, pointer || t("desk.check.whole"))),
      h("button", { type: "button", class: "button button--quiet", "aria-label": `${t("desk.check.show")}: ${pointer || t("desk.check.whole")}`, onclick: () => show(pointer) }, icon("search"), t("desk.check.show"))));
}

function draw(findings) {
  const blocking = findings.filter(({ severity }) => severity === "error").length;
  const title = findings.length ? t("desk.check.findings", { count: findings.length }) : t("desk.check.good");
  const rank = ({ severity }) => (ORDER.indexOf(severity) + 1 || ORDER.length + 1);
  fill(at("findings"),
    h("div", { class: `banner${blocking ? " banner--urgent" : ""}` }, icon(blocking ? "warning" : "check"),
      h("div", {}, h("h2", { id: "findings-title" }, title),
        findings.length ? h("p", {}, blocking ? t("desk.check.blocking", { count: blocking }) : t("desk.check.none_blocking")) : null)),
    findings.length ? h("ol", { class: "findings" }, findings.toSorted((left, right) => rank(left) - rank(right)).map(finding)) : null);
  announce(title);
  at("findings").focus({ preventScroll: true });
  at("findings").scrollIntoView({ block: "nearest" });
}

function wrong(sentence) {
  at("manifest-error").textContent = sentence ?? "";
  at("manifest-error").hidden = !sentence;
  if (!sentence) {
    at("manifest").removeAttribute("aria-describedby");
    at("manifest").removeAttribute("aria-invalid");
    return;
  }
  at("manifest").setAttribute("aria-invalid", "true");
  at("manifest").setAttribute("aria-describedby", "manifest-error");
  at("manifest").focus();
  announce(sentence, { urgent: true });
}

async function check() {
  let manifest;
  try {
    manifest = JSON.parse(at("manifest").value);
  } catch (error) {
    wrong(t("desk.check.not_json", { message: error.message }));
    return;
  }
  wrong(null);
  try {
    draw((await post("/v1/provider/manifest-checks", { manifest })).findings);
  } catch (problem) {
    fill(at("findings"), refusal(problem, check));
  }
}

await start();
fill(at("findings"), emptyState("shield", t("desk.check.empty"), t("desk.check.empty_do")));
at("check").addEventListener("submit", (event) => { event.preventDefault(); check(); });
at("run").disabled = false; // until now it would have sent the manifest as an address
at("file").addEventListener("change", async () => {
  const [file] = at("file").files;
  if (!file) return;
  at("manifest").value = await file.text();
  at("file").value = "";
  await check();
});
