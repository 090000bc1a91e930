"""The check of an access token, in this process: seen before, and for the first time."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app_server.authorization.issuing import principal_of
from app_server.kernel.state import AppState
from app_server.kernel.tokens import Expectation, TokenVerifier
from benchmarks.findings import Finding, Line, amount
from benchmarks.measure import Effort
from benchmarks.town import Town

CHECKS = 2_000
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "client_id")


def run(town: Town, effort: Effort) -> list[Finding]:
    """Beside the bare check of the signature, of the same bytes by the same library."""
    issuer, now = town.settings.base_url, datetime.now(UTC)
    expected = Expectation(typ="at+jwt", issuer=issuer, audience=issuer, required=REQUIRED)
    state: AppState = {"keys": town.keys}  # type: ignore[typeddict-item]
    tokens = [town.token(town.citizens[number % len(town.citizens)]) for number in range(CHECKS)]
    signed = [_signed(token) for token in tokens]
    public_key = town.keys.signing_key.private.public_key()
    assert isinstance(public_key, EllipticCurvePublicKey)
    algorithm = ECDSA(SHA256())
    cold, warm, bare = [], [], []
    for _ in range(effort.repeats):
        verifier = TokenVerifier(expected, town.keys, lambda claims: principal_of(claims, state))
        cold.append(_each(lambda token, v=verifier: v.verify(token, now), tokens))  # type: ignore[misc]
        warm.append(_each(lambda token, v=verifier: v.verify(token, now), tokens))  # type: ignore[misc]
        bare.append(_each(lambda pair: public_key.verify(pair[0], pair[1], algorithm), signed))
    factor = median(one / other for one, other in zip(cold, bare, strict=True))
    return [
        amount("access token, seen before", median(warm), "µs", at_most=2),
        Line(
            subject=f"access token, for the first time ({median(cold):.0f} µs)",
            beside=f"the bare P-256 check ({median(bare):.0f} µs)",
            measured=f"{factor:.2f} ×",
            goal="≤ 1.3 ×",
            met=factor <= 1.3,
        ),
    ]


def _signed(token: str) -> tuple[bytes, bytes]:
    text, _, signature = token.rpartition(".")
    raw = jwt.utils.base64url_decode(signature)
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])), text.encode()


def _each(check: Callable[[Any], object], items: Sequence[object]) -> float:
    """CPU microseconds of one check."""
    began = time.process_time()
    for item in items:
        check(item)
    return 1e6 * (time.process_time() - began) / len(items)
