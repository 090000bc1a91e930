// npm `oidc-provider` over PostgreSQL, with one client that proves itself by its key: node oidc_provider.mjs PORT
// The environment says: DATABASE (a PostgreSQL URL), CLIENT and PLACE (what it registered), KEY (its public JWK).

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import pg from "pg";
import { Provider } from "oidc-provider";

const { CLIENT, DATABASE, KEY, PLACE } = process.env;
const port = Number(process.argv[2]);
const pool = new pg.Pool({ connectionString: DATABASE, max: 10 });

/** What `oidc-provider` keeps, as its documentation asks an adapter to keep it. */
class Rows {
  constructor(kind) { this.kind = kind; }

  async upsert(id, payload, expiresIn) {
    const expires = expiresIn ? new Date(Date.now() + expiresIn * 1000) : null;
    await pool.query({
      name: "upsert",
      text: "INSERT INTO other_model (kind, id, payload, grant_id, expires_at) VALUES ($1, $2, $3, $4, $5)"
        + " ON CONFLICT (kind, id) DO UPDATE SET payload = $3, expires_at = $5",
      values: [this.kind, id, payload, payload.grantId ?? null, expires],
    });
  }

  async find(id) {
    const { rows: [row] } = await pool.query({
      name: "find", text: "SELECT payload, consumed_at FROM other_model WHERE kind = $1 AND id = $2", values: [this.kind, id],
    });
    return row && { ...row.payload, ...(row.consumed_at ? { consumed: true } : {}) };
  }

  async consume(id) {
    await pool.query({ name: "consume", text: "UPDATE other_model SET consumed_at = now() WHERE kind = $1 AND id = $2", values: [this.kind, id] });
  }

  async destroy(id) {
    await pool.query({ name: "destroy", text: "DELETE FROM other_model WHERE kind = $1 AND id = $2", values: [this.kind, id] });
  }

  async revokeByGrantId(grantId) {
    await pool.query("DELETE FROM other_model WHERE kind = $1 AND grant_id = $2", [this.kind, grantId]);
  }
}

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
const resource = `http://localhost:${port}`;
const provider = new Provider(resource, {
  adapter: Rows,
  clients: [{
    client_id: CLIENT,
    grant_types: ["authorization_code"],
    id_token_signed_response_alg: "ES256",
    jwks: { keys: [JSON.parse(KEY)] },
    redirect_uris: [PLACE],
    response_types: ["code"],
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "EdDSA",
  }],
  enabledJWA: { clientAuthSigningAlgValues: ["EdDSA"], idTokenSigningAlgValues: ["ES256"] },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resource,
      getResourceServerInfo: () => ({ scope: "profile", accessTokenFormat: "jwt", jwt: { sign: { alg: "ES256" } } }),
      useGrantedResource: () => true,
    },
  },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  jwks: { keys: [{ ...key, alg: "ES256", use: "sig", kid: "es" }] },
  pkce: { required: () => true },
});

const answer = provider.callback();
createServer((request, response) => (request.url === "/healthz" ? response.end("ok") : answer(request, response))).listen(port, "127.0.0.1");
