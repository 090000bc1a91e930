// npm `oidc-client-ts`, the library of single-page applications: a public client that only knows redirects with a query.

import { InMemoryWebStorage, OidcClient, WebStorageStateStore } from "oidc-client-ts";
import { serve } from "./steps.mjs";

const logins = [];

await serve({
  /** Where the resident's browser goes; `asked` are further parameters of the request. */
  async begin({ party, asked }) {
    const client = new OidcClient({
      authority: party.issuer,
      client_id: party.client_id,
      redirect_uri: party.redirect_uri,
      stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      loadUserInfo: false,
    });
    const { url } = await client.createSigninRequest({ nonce: crypto.randomUUID(), ...asked });
    return { login: logins.push({ client, redirectUri: party.redirect_uri }) - 1, url };
  },

  /** What came back to the redirect URI. */
  async finish({ login, query }) {
    const { client, redirectUri } = logins[login];
    const response = await client.processSigninResponse(`${redirectUri}?${query}`);
    logins[login].idToken = response.id_token;
    const userinfo = await fetch(await client.metadataService.getUserInfoEndpoint(), { headers: { authorization: `Bearer ${response.access_token}` } });
    return { claims: response.profile, userinfo: await userinfo.json(), scope: response.scope };
  },

  /** Where the resident's browser goes when she signs out of the program. */
  async leave({ login, to, state }) {
    const { client, idToken } = logins[login];
    const { url } = await client.createSignoutRequest({ post_logout_redirect_uri: to, id_token_hint: idToken, url_state: state });
    return { url };
  },
});
