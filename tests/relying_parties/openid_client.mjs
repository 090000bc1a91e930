// npm `openid-client`, as its documentation has it.

import * as client from "openid-client";
import { serve } from "./steps.mjs";

const logins = [];

async function configuration({ issuer, client_id: clientId, key }) {
  const proof = key ? client.PrivateKeyJwt({ key: await imported(key), kid: key.kid }) : client.None();
  return client.discovery(new URL(issuer), clientId, undefined, proof, { execute: [client.allowInsecureRequests] });
}

const ALGORITHMS = { "P-256": { name: "ECDSA", namedCurve: "P-256" }, Ed25519: { name: "Ed25519" } };
const imported = (jwk) => crypto.subtle.importKey("jwk", jwk, ALGORITHMS[jwk.crv], false, ["sign"]);

await serve({
  /** Where the resident's browser goes; `asked` are further parameters of the request. */
  async begin({ party, asked }) {
    const login = {
      config: await configuration(party),
      redirectUri: party.redirect_uri,
      checks: { pkceCodeVerifier: client.randomPKCECodeVerifier(), expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true },
    };
    if (asked.max_age !== undefined) login.checks.maxAge = Number(asked.max_age);
    const url = client.buildAuthorizationUrl(login.config, {
      redirect_uri: party.redirect_uri,
      code_challenge: await client.calculatePKCECodeChallenge(login.checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: login.checks.expectedState,
      nonce: login.checks.expectedNonce,
      ...asked,
    });
    return { login: logins.push(login) - 1, url: url.href };
  },

  /** What came back to the redirect URI: its query, or the form that was posted there. */
  async finish({ login, query, form }) {
    const { config, redirectUri, checks } = logins[login];
    const came = form === null
      ? new URL(`${redirectUri}?${query}`)
      : new Request(redirectUri, { method: "POST", body: new URLSearchParams(form) });
    const tokens = await client.authorizationCodeGrant(config, came, checks);
    const claims = tokens.claims();
    return { claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub), scope: tokens.scope };
  },
});
