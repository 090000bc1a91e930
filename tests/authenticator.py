"""An authenticator in software: makes passkeys and signs with them, rightly or in one of the wrong ways."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from jwt.utils import base64url_decode, base64url_encode

PRESENT, VERIFIED, HAS_KEY = 0x01, 0x04, 0x40

Json = dict[str, Any]


@dataclass(kw_only=True)
class Authenticator:
    """One phone or key with one passkey. What a test changes here is what it lies about."""

    origin: str = "http://localhost:8000"
    host: str = "localhost"
    flags: int = PRESENT | VERIFIED
    client_data: Json = field(default_factory=dict)  # put over what a browser says
    counter: int | None = None  # None: it does not count, as passkeys that are synced
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP256R1()))
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    handle: bytes = b""

    def makes(self, options: Json) -> Json:
        """The answer of `navigator.credentials.create`."""
        self.handle = _bytes(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(cose)
        data = self._data(HAS_KEY) + attested
        response = {
            "clientDataJSON": self._client("webauthn.create", options["challenge"]),
            "attestationObject": _text(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
        }
        return self._credential(response)

    def signs(self, options: Json) -> Json:
        """The answer of `navigator.credentials.get`."""
        client, data = self._client("webauthn.get", options["challenge"]), self._data(0)
        signature = self.key.sign(data + hashlib.sha256(_bytes(client)).digest(), ECDSA(SHA256()))
        response = {"clientDataJSON": client, "authenticatorData": _text(data), "signature": _text(signature)}
        return self._credential(response | {"userHandle": _text(self.handle)})

    def _data(self, more: int) -> bytes:
        if self.counter is not None:
            self.counter += 1
        count = (self.counter or 0).to_bytes(4, "big")
        return hashlib.sha256(self.host.encode()).digest() + bytes([self.flags | more]) + count

    def _client(self, kind: str, challenge: str) -> str:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return _text(json.dumps(said | self.client_data).encode())

    def _credential(self, response: Json) -> Json:
        text = _text(self.id)
        extras = {"authenticatorAttachment": "platform", "clientExtensionResults": {}}
        return {"id": text, "rawId": text, "type": "public-key", "response": response, **extras}


def _text(raw: bytes) -> str:
    return base64url_encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64url_decode(text)
