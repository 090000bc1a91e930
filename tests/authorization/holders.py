"""A program that holds a key and proves it (DPoP, RFC 9449)."""

import base64
import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from tests.city import City


class Holder:
    """Signs proofs, and remembers the nonce that it was last told."""

    def __init__(self, city: City, alg: str = "ES256") -> None:
        self.city, self.alg = city, alg
        self.key: EllipticCurvePrivateKey | Ed25519PrivateKey
        if alg == "ES256":
            self.key = generate_private_key(SECP256R1())
            self.jwk = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        else:
            self.key = Ed25519PrivateKey.generate()
            self.jwk = OKPAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        self.nonce: str | None = None

    @property
    def jkt(self) -> str:
        """The thumbprint of the key (RFC 7638)."""
        parts = {name: self.jwk[name] for name in ("crv", "kty", "x", "y") if name in self.jwk}
        return b64(sha256(json.dumps(parts, separators=(",", ":")).encode()).digest())

    def claims(self, method: str, path: str, token: str | None = None, **changes: Any) -> dict[str, Any]:
        """What a proof says; None leaves a claim out."""
        claims: dict[str, Any] = {
            "jti": str(uuid4()),
            "htm": method,
            "htu": f"{self.city.settings.base_url}{path}",
            "iat": int(self.city.clock().timestamp()),
            "nonce": self.nonce,
            "ath": b64(sha256(token.encode()).digest()) if token else None,
        }
        return {name: value for name, value in (claims | changes).items() if value is not None}

    def proof(self, method: str, path: str, token: str | None = None, **changes: Any) -> str:
        """A proof for one request."""
        headers = {"typ": "dpop+jwt", "jwk": {n: self.jwk[n] for n in ("kty", "crv", "x", "y") if n in self.jwk}}
        name = "ES256" if self.alg == "ES256" else "EdDSA"
        return jwt.encode(self.claims(method, path, token, **changes), self.key, algorithm=name, headers=headers)

    async def posts(self, path: str, proof: str | None = None, **form: Any) -> httpx2.Response:
        """A form with a proof; once more when the city gives a nonce, as RFC 9449 §8 has it."""
        data = {name: value for name, value in form.items() if value is not None}
        async with self.city.browser() as http:
            while True:
                known, headers = self.nonce, {"dpop": proof or self.proof("POST", path)}
                answer = await http.post(path, data=data, headers=headers)
                self.nonce = answer.headers.get("dpop-nonce", known)
                if proof or self.nonce == known or "use_dpop_nonce" not in answer.text:
                    return answer

    async def looks(self, token: str, path: str = "/oauth/userinfo", **changes: Any) -> httpx2.Response:
        """GET with a token that is bound to the key."""
        async with self.city.browser() as http:
            while True:
                known, proof = self.nonce, self.proof("GET", path, token, **changes)
                answer = await http.get(path, headers={"authorization": f"DPoP {token}", "dpop": proof})
                self.nonce = answer.headers.get("dpop-nonce", known)
                if self.nonce == known or "use_dpop_nonce" not in answer.headers.get("www-authenticate", ""):
                    return answer


def b64(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
