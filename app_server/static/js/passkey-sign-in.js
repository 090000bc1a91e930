// Signing in with a passkey: offered where the number is filled in, and by a button. Without it the page is as it was.

import { ApiProblem, post } from "./api.js";
import { load, sentence, t } from "./i18n.js";
import { applyLook } from "./session.js";
import { inAutofill, possible, sign } from "./webauthn.js";

const RENEW = 30_000; // ms before a challenge ends, the field gets the next one

const place = document.getElementById("passkey");
const button = place.querySelector("button");
const told = document.getElementById("passkey-told");
let offer = new AbortController();
let renewal = 0;

async function signIn(asked, options) {
  const credential = await sign(asked.public_key, options);
  const { resident } = await post("/v1/sign-in/passkeys/sessions", { challenge_id: asked.challenge_id, credential });
  applyLook(resident);
  location.assign(place.dataset.next);
}

const ask = () => post("/v1/sign-in/passkeys/challenges");

async function tell(problem) {
  await load();
  told.textContent = problem instanceof ApiProblem ? sentence(problem) : t("passkeys.not_used");
  told.hidden = false;
}

/** Let the browser offer passkeys beside the number, for as long as the page is open. */
async function offerInField() {
  clearTimeout(renewal);
  offer.abort();
  const mine = offer = new AbortController();
  try {
    const asked = await ask();
    renewal = setTimeout(offerInField, asked.expires_in * 1000 - RENEW);
    if (!mine.signal.aborted) await signIn(asked, { mediation: "conditional", signal: mine.signal });
  } catch (problem) {
    if (mine.signal.aborted || !(problem instanceof ApiProblem) || problem.status === 0 || problem.status === 429) return; // the button and the number remain
    await tell(problem);
    await offerInField();
  }
}

async function signInByButton() {
  clearTimeout(renewal);
  offer.abort();
  told.hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    await signIn(await ask());
  } catch (problem) {
    await tell(problem);
    if (await inAutofill()) offerInField();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

if (possible()) {
  place.hidden = false;
  button.addEventListener("click", signInByButton);
  if (await inAutofill()) offerInField();
}
