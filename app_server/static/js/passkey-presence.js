// Showing with a passkey that it is you, then going on where you were. Without it the page's form is there.

import { ApiProblem, post } from "./api.js";
import { load, sentence, t } from "./i18n.js";
import { possible, sign } from "./webauthn.js";

const place = document.getElementById("passkey");
const button = place.querySelector("button");
const told = document.getElementById("passkey-told");

async function prove() {
  told.hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    const asked = await post("/v1/me/presence/passkey-challenges");
    const credential = await sign(asked.public_key);
    await post("/v1/me/presence", { purpose: place.dataset.purpose, challenge_id: asked.challenge_id, credential });
    location.assign(place.dataset.next);
  } catch (problem) {
    await load();
    told.textContent = problem instanceof ApiProblem ? sentence(problem) : t("presence.not_used");
    told.hidden = false;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

if (possible()) {
  place.hidden = false;
  button.addEventListener("click", prove);
}
