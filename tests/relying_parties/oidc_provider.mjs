// npm `oidc-provider`, as its documentation has it, with one client as the city has it. Whoever comes is signed in as
// "lin" and allows everything. It prints the port that it listens on, and ends with its input.

import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [clientId, redirectUri, publicKey] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();

const common = { redirect_uris: [redirectUri], response_types: ["code"], grant_types: ["authorization_code", "refresh_token"] };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    { client_id: clientId, token_endpoint_auth_method: "none", ...common },
    {
      client_id: `${clientId}-keyed`,
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [JSON.parse(publicKey)] },
      ...common,
    },
  ],
  allowOmittingSingleRegisteredRedirectUri: false,
  claims: { openid: ["sub"], profile: ["name"], phone: ["phone_number"] },
  cookies: { keys: ["tests"] },
  features: {
    claimsParameter: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true },
    introspection: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: "林", phone_number: "+8613800000001" }) }),
  interactions: { url: (_, interaction) => `/allow/${interaction.uid}` },
  pkce: { required: () => true },
});

const answer = provider.callback();
server.on("request", async (request, response) => {
  if (!request.url.startsWith("/allow/")) return answer(request, response);
  const { params, grantId, session } = await provider.interactionDetails(request, response);
  const accountId = session?.accountId ?? "lin";
  const grant = grantId ? await provider.Grant.find(grantId) : new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
});

process.stdout.write(`${port}\n`);
process.stdin.resume().on("end", () => process.exit());
