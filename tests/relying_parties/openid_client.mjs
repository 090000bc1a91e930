// npm `openid-client`, as its documentation has it.

import * as client from "openid-client";
import { serve } from "./steps.mjs";

const logins = [];

async function configuration({ issuer, client_id: clientId, key, secret }) {
  const unkeyed = () => secret ? client.ClientSecretBasic(secret) : client.None();
  const proof = key ? client.PrivateKeyJwt({ key: await imported(key), kid: key.kid }) : unkeyed();
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
    if (party.holds) login.options = { DPoP: client.getDPoPHandle(login.config, await client.randomDPoPKeyPair(party.holds)) };
    if (asked.max_age !== undefined) login.checks.maxAge = Number(asked.max_age);
    const build = party.pushes ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl;
    const url = await build(login.config, {
      redirect_uri: party.redirect_uri,
      code_challenge: await client.calculatePKCECodeChallenge(login.checks.pkceCodeVerifier),
      code_challenge_method: "S256",
      state: login.checks.expectedState,
      nonce: login.checks.expectedNonce,
      ...asked,
    }, login.options);
    return { login: logins.push(login) - 1, url: url.href };
  },

  /** What a screen shows; the program asks meanwhile, as often as it was told to. */
  async show({ party, asked }) {
    const config = await configuration(party);
    const shows = await client.initiateDeviceAuthorization(config, asked);
    const asking = client.pollDeviceAuthorizationGrant(config, shows);
    asking.catch(() => {}); // `hear` tells
    return { login: logins.push({ config, asking }) - 1, shows };
  },

  /** What the screen heard in the end. */
  async hear({ login }) {
    const { config, asking } = logins[login];
    const tokens = await asking;
    const claims = tokens.claims();
    return { claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub), scope: tokens.scope };
  },

  /** What came back to the redirect URI: its query, or the form that was posted there. */
  async finish({ login, query, form }) {
    const { config, redirectUri, checks, options } = logins[login];
    const came = form === null
      ? new URL(`${redirectUri}?${query}`)
      : new Request(redirectUri, { method: "POST", body: new URLSearchParams(form) });
    const tokens = logins[login].tokens = await client.authorizationCodeGrant(config, came, checks, undefined, options);
    const claims = tokens.claims();
    return { claims, userinfo: await client.fetchUserInfo(config, tokens.access_token, claims.sub, options), scope: tokens.scope };
  },

  /** Where the resident's browser goes when she signs out of the program. */
  async leave({ login, to, state }) {
    const { config, tokens } = logins[login];
    return { url: client.buildEndSessionUrl(config, { post_logout_redirect_uri: to, id_token_hint: tokens.id_token, state }).href };
  },

  /** The next tokens for the refresh token, and what the city says of whom they are about. */
  async renew({ login }) {
    const { config, options, tokens } = logins[login];
    const next = logins[login].tokens = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, options);
    return { type: next.token_type, userinfo: await client.fetchUserInfo(config, next.access_token, client.skipSubjectCheck, options) };
  },

  /** The status of the city's answer to the access token as anybody who finds it would send it. */
  async steal({ login }) {
    const { config, tokens } = logins[login];
    const url = config.serverMetadata().userinfo_endpoint;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${tokens.access_token}` } });
    return { status: answer.status };
  },
});
