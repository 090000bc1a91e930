"""Signed tokens are checked strictly."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from app_server.kernel.crypto import KeyRing
from app_server.kernel.jwks import PublicKey
from app_server.kernel.tokens import LEEWAY, Expectation, TokenRefused, TokenVerifier, sign, verify

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
EXPECTED = Expectation(typ="at+jwt", issuer="https://city", audience="https://city")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    path: Path = tmp_path_factory.mktemp("keys") / "keys.json"
    KeyRing.create(path, NOW)
    return KeyRing.load(path)


def claims(**changes: Any) -> dict[str, Any]:
    return {"iss": "https://city", "aud": "https://city", "iat": STAMP, "exp": STAMP + 600, "sub": "s"} | changes


def public(keys: KeyRing) -> dict[str, PublicKey]:
    return dict(keys.public_keys)


def forged(keys: KeyRing, header: dict[str, Any], body: str) -> str:
    """A token with any header and any body text, signed rightly."""
    parts = [base64.urlsafe_b64encode(text.encode()).rstrip(b"=") for text in (json.dumps(header), body)]
    signer = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = signer.sign(b".".join(parts), keys.signing_key.private)
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def test_a_good_token_gives_its_claims(keys: KeyRing) -> None:
    token = sign(claims(), typ="at+jwt", keys=keys)
    assert verify(token, EXPECTED, public(keys), NOW)["sub"] == "s"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": STAMP - LEEWAY}, "expired"),
        ({"iat": STAMP + LEEWAY + 1}, "future"),
        ({"nbf": STAMP + LEEWAY + 1}, "future"),
        ({"exp": str(STAMP + 600)}, "integer"),
        ({"exp": True}, "integer"),
        ({"exp": STAMP + 600.5}, "integer"),
        ({"iss": "https://other"}, "iss"),
        ({"aud": "https://other"}, "aud"),
        ({"aud": ["https://other"]}, "aud"),
    ],
)
def test_a_token_with_wrong_claims_is_refused(keys: KeyRing, changes: dict[str, Any], why: str) -> None:
    token = forged(keys, {"alg": "ES256", "typ": "at+jwt", "kid": keys.signing_key.kid}, json.dumps(claims(**changes)))
    with pytest.raises(TokenRefused, match=why):
        verify(token, EXPECTED, public(keys), NOW)


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "iat"])
def test_a_token_without_a_required_claim_is_refused(keys: KeyRing, missing: str) -> None:
    body = claims()
    del body[missing]
    with pytest.raises(TokenRefused, match=missing):
        verify(sign(body, typ="at+jwt", keys=keys), EXPECTED, public(keys), NOW)


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "EdDSA"},
        {"kid": "unknown"},
        {"kid": ["a list"]},
        {"jku": "https://evil/keys"},
        {"x5c": ["…"]},
        {"crit": ["exp"]},
        {"b64": False},
    ],
)
def test_a_forged_header_is_refused(keys: KeyRing, header: dict[str, Any]) -> None:
    token = forged(keys, {"alg": "ES256", "typ": "at+jwt", "kid": keys.signing_key.kid} | header, json.dumps(claims()))
    with pytest.raises(TokenRefused):
        verify(token, EXPECTED, public(keys), NOW)


def test_a_member_that_stands_twice_is_refused(keys: KeyRing) -> None:
    body = json.dumps(claims())[:-1] + ', "sub": "other"}'
    token = forged(keys, {"alg": "ES256", "typ": "at+jwt", "kid": keys.signing_key.kid}, body)
    with pytest.raises(TokenRefused, match="twice"):
        verify(token, EXPECTED, public(keys), NOW)


def test_other_spellings_of_a_good_token_are_refused(keys: KeyRing) -> None:
    token = sign(claims(), typ="at+jwt", keys=keys)
    head, body, signature = token.split(".")
    last = signature[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelt = signature[:-1] + alphabet[(alphabet.index(last) & ~3) | ((alphabet.index(last) + 1) & 3)]
    for other in (token + "=", f"{head}=.{body}.{signature}", f"{head}.{body}.{respelt}", f" {token}", token + "."):
        with pytest.raises(TokenRefused):
            verify(other, EXPECTED, public(keys), NOW)


def test_another_citys_key_does_not_sign_for_this_one(keys: KeyRing) -> None:
    other = generate_private_key(SECP256R1())
    token = jwt.encode(claims(), other, algorithm="ES256", headers={"typ": "at+jwt", "kid": keys.signing_key.kid})
    with pytest.raises(TokenRefused, match="signature"):
        verify(token, EXPECTED, public(keys), NOW)


def test_a_remembered_token_still_expires(keys: KeyRing) -> None:
    verifier = TokenVerifier(EXPECTED, keys, lambda claims: claims)
    token = sign(claims(), typ="at+jwt", keys=keys)
    assert verifier.verify(token, NOW) is verifier.verify(token, NOW + timedelta(seconds=599))
    with pytest.raises(TokenRefused, match="expired"):
        verifier.verify(token, NOW + timedelta(seconds=601 + LEEWAY))


def test_a_huge_or_odd_token_is_refused_without_being_looked_at(keys: KeyRing) -> None:
    for token in ("a" * 9000, "é.é.é", "a.b", "....", "a.b.c.d", ""):
        with pytest.raises(TokenRefused):
            verify(token, EXPECTED, public(keys), NOW)
