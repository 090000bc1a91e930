// The camera and what it sees: a code's text, read by the browser where it can, else by the city's server frame by frame.

import { call } from "../js/api.js";

const EDGE = 640; // pixels of the square that is sent to the server
const GAP = 150; // ms between two looks of the browser's own detector
const SERVER_GAP = 500; // ms between two frames sent
const COARSE = 24; // a picture is compared with the one before in 24 × 24 points
const MOVED = 4; // of 255, on average: less is a still picture
const STILL_GAP = 3000; // ms between two looks at a still picture: the lens may have found its focus meanwhile

const FAULTS = { NotAllowedError: "denied", SecurityError: "denied", NotFoundError: "none", OverconstrainedError: "none", NotReadableError: "busy", AbortError: "busy" };

/** The browser's detector when it reads QR codes here, else null. */
async function detector() {
  try {
    const kinds = await globalThis.BarcodeDetector?.getSupportedFormats();
    return kinds?.includes("qr_code") ? new globalThis.BarcodeDetector({ formats: ["qr_code"] }) : null;
  } catch {
    return null; // some systems name the class and lack the service behind it
  }
}

/** True when the person has allowed the camera here before, so that it may start without being asked for. */
export async function allowedBefore() {
  try {
    return (await navigator.permissions.query({ name: "camera" })).state === "granted";
  } catch {
    return false;
  }
}

export class Camera {
  /** `seen(text)` hears every code in view, `state(word)` one of: off starting on denied none busy insecure. */
  constructor(video, { seen, state, mayLook }) {
    Object.assign(this, { video, seen, state, mayLook, stream: null, turn: 0, cameras: [] });
    this.canvas = document.createElement("canvas");
    this.canvas.width = this.canvas.height = EDGE;
    this.coarse = document.createElement("canvas");
    this.coarse.width = this.coarse.height = COARSE;
    this.empty = null; // the last picture in which nothing was found, and when it was sent
  }

  async start(deviceId = null) {
    this.stop();
    const turn = ++this.turn;
    if (!navigator.mediaDevices?.getUserMedia) return this.state("insecure");
    this.state("starting");
    const wish = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: { ideal: "environment" } };
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...wish, width: { ideal: 1280 }, height: { ideal: 1280 } } });
      if (turn !== this.turn) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
    } catch (error) {
      if (turn === this.turn) this.state(FAULTS[error.name] ?? "none");
      return;
    }
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => { if (turn === this.turn) { this.stop(); this.state("none"); } });
    this.deviceId = track.getSettings().deviceId;
    this.cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
    this.video.srcObject = this.stream;
    await this.video.play().catch(() => {});
    if (turn !== this.turn) return;
    this.state("on");
    this.#watch(turn, await detector());
  }

  stop() {
    this.turn++;
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
  }

  /** The camera after this one, for devices that have several. */
  next() {
    const place = this.cameras.findIndex(({ deviceId }) => deviceId === this.deviceId);
    return this.start(this.cameras[(place + 1) % this.cameras.length]?.deviceId);
  }

  async #watch(turn, own) {
    while (turn === this.turn) {
      let gap = own ? GAP : SERVER_GAP;
      if (!document.hidden && this.mayLook() && this.video.videoWidth) {
        try {
          const text = own ? (await own.detect(this.video))[0]?.rawValue : await this.#ask();
          if (turn !== this.turn) return;
          if (this.mayLook()) this.seen(text || null);
        } catch (error) {
          gap = 1000 * (Number(error.headers?.get?.("retry-after")) || 2);
        }
      }
      await new Promise((resolve) => { setTimeout(resolve, gap); });
    }
  }

  /** The text of the code in the middle of the picture, read by the server; null when it finds none. */
  async #ask() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const edge = Math.min(width, height);
    this.canvas.getContext("2d").drawImage(this.video, (width - edge) / 2, (height - edge) / 2, edge, edge, 0, 0, EDGE, EDGE);
    const points = this.#points();
    const now = performance.now();
    if (this.empty && now - this.empty.at < STILL_GAP && difference(this.empty.points, points) < MOVED) return null;
    const frame = await new Promise((resolve) => { this.canvas.toBlob(resolve, "image/jpeg", 0.8); });
    const text = await readPicture(frame);
    this.empty = text ? null : { points, at: now };
    return text;
  }

  /** The brightness of the picture in a few points, to see whether anything moved: an empty desk sends little. */
  #points() {
    const context = this.coarse.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.canvas, 0, 0, COARSE, COARSE);
    const { data } = context.getImageData(0, 0, COARSE, COARSE);
    return Array.from({ length: COARSE * COARSE }, (_, at) => (data[4 * at] + data[4 * at + 1] + data[4 * at + 2]) / 3);
  }
}

const difference = (left, right) => left.reduce((sum, value, at) => sum + Math.abs(value - right[at]), 0) / left.length;

/** The text of the code in a picture, or null when there is none. Other refusals are thrown. */
export async function readPicture(picture) {
  try {
    return (await call("POST", "/v1/code-readings", { body: picture })).data.text;
  } catch (problem) {
    if (problem.code === "card_code_unreadable") return null;
    throw problem;
  }
}
