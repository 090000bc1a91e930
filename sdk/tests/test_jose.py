"""Tokens are read strictly: one spelling, one algorithm per key, nobody else's."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from banyan_sdk import jose
from banyan_sdk.keys import AppKey, KeyUnusable

KEYS: list[jose.PrivateKey] = [Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())]
CLAIMS: dict[str, Any] = {"iss": "city", "aud": "library", "sub": "a", "exp": 1000}


def verified(token: str, key: jose.PrivateKey, now: int = 990) -> dict[str, Any]:
    return jose.verify(
        token, lambda kid: key.public_key() if kid == "k" else None, issuer="city", audience="library", now=now
    )


@pytest.mark.parametrize("key", KEYS)
def test_what_was_signed_is_read_back(key: jose.PrivateKey) -> None:
    assert verified(jose.sign(key, "k", CLAIMS), key) == CLAIMS
    assert verified(jose.sign(key, "k", CLAIMS | {"aud": ["other", "library"]}), key)["sub"] == "a"
    published = jose.public_key(jose.public_jwk(key.public_key(), "k"))
    assert published is not None
    assert jose.public_jwk(published, "k") == jose.public_jwk(key.public_key(), "k")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "change", [{"iss": "village"}, {"aud": "bus"}, {"exp": 900}, {"exp": "1000"}, {"exp": True}, {"exp": None}]
)
def test_a_token_of_or_for_someone_else_or_too_old_is_refused(key: jose.PrivateKey, change: dict[str, Any]) -> None:
    with pytest.raises(jose.TokenRefused):
        verified(jose.sign(key, "k", CLAIMS | change), key)


@pytest.mark.parametrize("key", KEYS)
def test_a_changed_or_oddly_spelt_token_is_refused(key: jose.PrivateKey) -> None:
    token = jose.sign(key, "k", CLAIMS)
    head, payload, signature = token.split(".")
    none = jose.encode(json.dumps({"alg": "none", "kid": "k"}).encode())
    twice = jose.encode(b'{"iss":"city","iss":"city","aud":"library","exp":1000}')
    last = signature[:-1] + chr(ord(signature[-1]) + 1)
    for bad in (
        f"{head}.{payload}.",
        f"{none}.{payload}.{signature}",
        f"{head}.{twice}.{signature}",
        f"{head}.{payload}.{last}",
        f"{token}=",
        f"{token}.x",
        jose.sign(key, "other", CLAIMS),
        jose.sign(KEYS[0] if key is KEYS[1] else KEYS[1], "k", CLAIMS),
        "x" * 9000,
    ):
        with pytest.raises(jose.TokenRefused):
            verified(bad, key)


def test_keys_of_other_kinds_are_not_used() -> None:
    for jwk in (
        {},
        {"kty": "RSA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
    ):
        assert jose.public_key(jwk) is None


def test_a_key_file_is_private_and_read_back(tmp_path: Any) -> None:
    key = AppKey.generate()
    key.save(tmp_path / "key.jwk")
    assert (tmp_path / "key.jwk").stat().st_mode & 0o777 == 0o600
    assert AppKey.load(tmp_path / "key.jwk").public_jwk() == key.public_jwk()
    assert "d" not in key.public_jwk()
    with pytest.raises(KeyUnusable, match="cannot be read"):
        AppKey.load(tmp_path / "nothing")
    (tmp_path / "public.jwk").write_text(json.dumps(key.public_jwk()))
    with pytest.raises(KeyUnusable, match="not a private JWK"):
        AppKey.load(tmp_path / "public.jwk")


def test_a_p256_key_serves_as_well() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    secret = private.private_numbers().private_value.to_bytes(32, "big")
    key = AppKey.from_jwk({"kty": "EC", "crv": "P-256", "d": jose.encode(secret)})
    assertion = key.client_assertion("library", "city")
    claims = jose.verify(assertion, lambda _: private.public_key(), issuer="library", audience="city", now=0)
    assert claims["exp"] - claims["iat"] <= 60
