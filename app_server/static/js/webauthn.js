// Passkeys as browsers have them (W3C Web Authentication): the API's options into their form, their answers into the API's.

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** Whether this browser can have passkeys here at all: over https or on the machine itself, and not on a bare address. */
export const possible = () => isSecureContext && "PublicKeyCredential" in window && !/^\[|^[\d.]+$/.test(location.hostname);

/** Whether it offers them where a field is filled in. */
export const inAutofill = async () => possible() && Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());

/** Make a passkey; `options` and the answer as in POST /v1/passkeys. Rejects with the browser's DOMException. */
export async function make(options) {
  const made = await navigator.credentials.create({ publicKey: {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: options.excludeCredentials.map((one) => ({ ...one, id: bytes(one.id) })),
  } });
  return answer(made, ["clientDataJSON", "attestationObject"]);
}

/** Sign with a passkey; `options` and the answer as in POST /v1/sign-in/passkeys/sessions. */
export async function sign(options, { mediation, signal } = {}) {
  const used = await navigator.credentials.get({ mediation, signal, publicKey: { ...options, challenge: bytes(options.challenge) } });
  return answer(used, ["clientDataJSON", "authenticatorData", "signature", "userHandle"]);
}

function answer(credential, members) {
  const given = members.filter((member) => credential.response[member]).map((member) => [member, text(credential.response[member])]);
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: Object.fromEntries(given) };
}
