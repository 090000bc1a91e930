// npm `oidc-provider`, as its documentation has it, with the city as its client. Whoever comes is signed in as a person
// of that name and allows everything. It prints the port that it listens on, and ends with its input.

import { once } from "node:events";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [redirectUri, publicKey, name, idNumber] = process.argv.slice(2);
const server = createServer();
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();

const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: "banyan",
      redirect_uris: [redirectUri],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "private_key_jwt",
      token_endpoint_auth_signing_alg: "ES256",
      jwks: { keys: [JSON.parse(publicKey)] },
    },
  ],
  claims: { openid: ["sub"], profile: ["name", "birthdate", "citizen_id"] },
  cookies: { keys: ["tests"] },
  features: { devInteractions: { enabled: false }, pushedAuthorizationRequests: { enabled: true } },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name, citizen_id: idNumber }) }),
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
