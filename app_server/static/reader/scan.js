// The scanning view: the camera above, the number and the picture below.

import { announce, fill, h, icon } from "../js/dom.js";
import { sentence, t } from "../js/i18n.js";
import { allowedBefore, Camera, readPicture } from "./camera.js";

const MOST = 4 * 1024 * 1024;
const KINDS = ["image/png", "image/jpeg", "image/webp"];
const FORGOTTEN = 2000; // ms out of view after which the same code counts as shown again

/** The check digit of the spoken form (Luhn, ISO/IEC 7812-1 annex B). */
export function luhn(digits) {
  const sum = [...digits].reverse().reduce((total, digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

export class ScanView {
  /** `found(code)` is called with a code's text or its 12 digits; `refused(problem)` when a picture could not be read. */
  constructor({ found, refused, online }) {
    Object.assign(this, { found, refused, online, last: { text: null, at: 0 }, state: "off" });
    this.video = h("video", { playsinline: true, muted: true, properties: { muted: true }, "aria-hidden": "true" });
    this.words = h("div", { class: "finder__words" });
    this.hint = h("p", { class: "finder__hint" });
    this.tools = h("div", { class: "button-row finder__tools" });
    this.finder = h("div", { class: "finder" }, this.video, h("div", { class: "finder__frame", "aria-hidden": "true" }), this.words, this.hint);
    this.camera = new Camera(this.video, { seen: (text) => this.#seen(text), state: (word) => this.#show(word), mayLook: () => this.element.isConnected && this.online() && !this.busy });
    this.busy = false;
    this.ended = new AbortController();
    this.#ways();
    this.element = h("div", { class: "scan" },
      h("section", { class: "scan__camera", "aria-labelledby": "scan-title" }, h("h1", { id: "scan-title" }, t("reader.scan.title")), this.finder, this.tools),
      h("section", { class: "scan__ways panel stack", "aria-labelledby": "ways-title" }, h("h2", { id: "ways-title" }, t("reader.scan.other_ways")), this.form, this.upload));
    document.addEventListener("visibilitychange", () => this.#visibility(), { signal: this.ended.signal });
    this.#show("off");
  }

  /** Put the view on the page. The camera goes on where it was, or starts by itself when it was allowed before. */
  async open(main) {
    this.busy = false;
    fill(main, this.element);
    this.input.value = "";
    this.#wrong(null);
    if (this.camera.stream) {
      this.video.play().catch(() => {});
      this.#show("on");
    } else if (this.state === "off" && !this.turnedOff && (await allowedBefore())) {
      this.camera.start();
    }
    if (matchMedia("(pointer: fine)").matches) this.input.focus({ preventScroll: true });
  }

  /** For good: a further enrolment makes a view of its own. */
  close() {
    this.camera.stop();
    this.ended.abort();
  }

  #visibility() {
    if (document.hidden && this.camera.stream) {
      this.camera.stop();
      this.resume = true;
    } else if (!document.hidden && this.resume) {
      this.resume = false;
      this.camera.start();
    }
  }

  #show(word) {
    this.state = word;
    this.finder.dataset.state = word;
    const button = (name, words, act, kind = "") => h("button", { type: "button", class: `button ${kind}`, onclick: act }, icon(name), words);
    const start = () => { this.turnedOff = false; this.camera.start(); };
    this.hint.textContent = word === "on" ? t("reader.scan.point") : "";
    if (word === "on") {
      fill(this.words);
      fill(this.tools,
        this.camera.cameras.length > 1 ? button("refresh", t("reader.scan.switch"), () => this.camera.next()) : null,
        button("pause", t("reader.scan.stop"), () => { this.turnedOff = true; this.camera.stop(); this.#show("off"); }, "button--quiet"));
      return;
    }
    fill(this.tools);
    if (word === "starting") {
      fill(this.words, h("p", {}, t("reader.scan.starting")));
    } else if (word === "off") {
      fill(this.words, icon("camera"), h("p", { class: "finder__say" }, t("reader.scan.idle")), h("p", { class: "note" }, t("reader.scan.idle_do")), button("camera", t("reader.scan.start"), start, "button--primary"));
    } else {
      fill(this.words, icon("warning"), h("p", { class: "finder__say" }, t(`reader.scan.${word}`)), h("p", { class: "note" }, t(`reader.scan.${word}_do`)), word === "insecure" ? null : button("refresh", t("reader.scan.retry"), start));
      announce(`${t(`reader.scan.${word}`)}. ${t(`reader.scan.${word}_do`)}`);
    }
  }

  /** A code that stays in view after its check is not checked again: it would only be refused as used. */
  #seen(text) {
    const now = performance.now();
    if (!text) {
      if (this.last.text && now - this.last.at > FORGOTTEN) this.hint.textContent = t("reader.scan.point");
      return;
    }
    const again = text === this.last.text && now - this.last.at < FORGOTTEN;
    this.last = { text, at: now };
    if (!again) return this.#submit(text);
    this.hint.textContent = t("reader.scan.just_checked");
  }

  #submit(code) {
    this.busy = true;
    this.hint.textContent = t("reader.scan.reading");
    this.found(code).finally(() => { this.last.at = performance.now(); });
  }

  #ways() {
    this.error = h("p", { class: "error", id: "digits-error", hidden: true });
    this.input = h("input", { id: "digits", name: "digits", class: "mono reader-code", inputmode: "numeric", autocomplete: "off", spellcheck: "false", "aria-describedby": "digits-hint digits-error" });
    this.form = h("form", { class: "stack stack--tight", novalidate: true },
      h("div", { class: "field" }, h("label", { for: "digits" }, t("reader.scan.digits")), this.input, h("p", { class: "hint", id: "digits-hint" }, t("reader.scan.digits_hint")), h("div", { role: "alert" }, this.error)),
      h("button", { class: "button button--primary" }, icon("check"), t("reader.scan.check")));
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.#typed(); });
    document.addEventListener("keydown", (event) => { // a number typed anywhere lands in the field, as a hand scanner does it
      if (!/^[0-9B]$/i.test(event.key) || event.ctrlKey || event.metaKey || event.altKey || !this.element.isConnected) return;
      if (!event.target.closest("input, dialog")) this.input.focus();
    }, { signal: this.ended.signal });
    this.pictureNote = h("p", { class: "hint", id: "picture-hint" }, t("reader.scan.upload_hint"));
    this.pictureError = h("p", { class: "error", hidden: true });
    const file = h("input", { type: "file", accept: KINDS.join(","), id: "picture", "aria-describedby": "picture-hint", onchange: () => this.#picture(file) });
    this.upload = h("div", { class: "field" },
      h("label", { class: "button reader-file" }, icon("upload"), h("span", {}, t("reader.scan.upload")), file), this.pictureNote, h("div", { role: "alert" }, this.pictureError));
  }

  #wrong(words) {
    this.error.textContent = words ?? "";
    this.error.hidden = !words;
    if (words) this.input.setAttribute("aria-invalid", "true");
    else this.input.removeAttribute("aria-invalid");
    if (words) this.input.focus();
  }

  #typed() {
    const typed = this.input.value.trim();
    if (/^bc1:/i.test(typed)) return this.#submit(typed.toUpperCase());
    const digits = typed.replace(/\D/g, "");
    if (digits.length !== 12) return this.#wrong(t("reader.scan.digits_wrong", { count: digits.length }));
    if (!luhn(digits)) return this.#wrong(t("reader.scan.digits_typo"));
    this.#wrong(null);
    this.#submit(digits);
  }

  async #picture(file) {
    const [picture] = file.files;
    const wrong = (words) => { this.pictureError.textContent = words ?? ""; this.pictureError.hidden = !words; };
    wrong(null);
    if (!picture) return;
    try {
      if (!KINDS.includes(picture.type)) return wrong(t("reader.scan.wrong_kind"));
      if (picture.size > MOST) return wrong(t("reader.scan.too_large"));
      this.pictureNote.textContent = t("reader.scan.uploading");
      const text = await readPicture(picture);
      if (text) this.#submit(text);
      else wrong(t("reader.scan.no_code"));
    } catch (problem) {
      if (["picture_not_read", "body_too_large", "unsupported_media_type"].includes(problem.code)) wrong(sentence(problem));
      else this.refused(problem);
    } finally {
      file.value = "";
      this.pictureNote.textContent = t("reader.scan.upload_hint");
    }
  }
}
