"""Proof that whoever sends a request holds a key (DPoP, RFC 9449): a token bound to the key is nothing without it.

A proof names its request, carries a nonce of ours, and is good once. The nonce says how old a proof can be, whatever
the clocks say, and for how long its `jti` must be remembered: one number for both.
"""

import base64
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeGuard
from urllib.parse import quote, unquote, urlsplit

from app_server.kernel.crypto import token_hash
from app_server.kernel.problems import TemporarilyUnavailable
from app_server.kernel.redis import Redis, RedisUnavailable
from app_server.kernel.state import AppRequest, AppState
from app_server.kernel.tokens import TokenRefused, VerifiedClaims, verify_held

TYP = "dpop+jwt"
WINDOW = 60  # seconds in which a nonce is given out; it is taken in the next window too
REMEMBERED = 2 * WINDOW  # seconds: the most that a proof could be sent again
CLOCKS = 300  # seconds that `iat` may lie beside our clock; the nonce is what says how old a proof is
MOST_REMEMBERED = 50_000  # proofs, in a process without Valkey
LONGEST = 256  # characters of a `jti`
_PORTS = {"https": 443, "http": 80}


class ProofRefused(Exception):
    """The proof is not good: `error` is `invalid_dpop_proof` or `use_dpop_nonce`, and the text says why."""

    def __init__(self, description: str, error: str = "invalid_dpop_proof") -> None:
        super().__init__(description)
        self.error = error


class UsedProofs:
    """The proofs that were used. While Valkey is away each process remembers those that it has seen itself."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    async def is_first(self, name: str, redis: Redis, now: float) -> bool:
        """Whether nobody has used the proof of this name. Raises `temporarily_unavailable` when it cannot be kept."""
        try:
            return await redis.call("SET", f"dpop:{name}", 1, "NX", "EX", REMEMBERED) is not None
        except RedisUnavailable:
            return self._is_first_here(name, now)

    def _is_first_here(self, name: str, now: float) -> bool:
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        if name in self._seen:
            return False
        if len(self._seen) >= MOST_REMEMBERED:
            raise TemporarilyUnavailable()
        self._seen[name] = now + REMEMBERED
        return True


async def proven_key(request: AppRequest, *, token: str | None = None) -> str:
    """The thumbprint (RFC 7638) of the key that the sender holds; the proof is used up.

    `token` is the access token that comes with the request, if one does. Raises `ProofRefused`.
    """
    state = request.state
    proofs = request.headers.getlist("dpop")
    if len(proofs) != 1:
        raise ProofRefused("send one DPoP header")
    try:
        claims, thumbprint = verify_held(proofs[0], typ=TYP)
    except TokenRefused as reason:
        raise ProofRefused(str(reason)) from None
    now = state["clock"]().timestamp()
    target = f"{state['settings'].base_url}{quote(request.scope['path'])}"
    if mistake := mistake_in(claims, method=request.method, target=target, token=token, now=now):
        raise ProofRefused(mistake)
    nonce = claims.get("nonce")
    if not _is_text(nonce) or not any(hmac.compare_digest(nonce.encode(), each) for each in _nonces(state)):
        raise ProofRefused("put the nonce of the DPoP-Nonce header into the proof", "use_dpop_nonce")
    used: UsedProofs = state["used_proofs"]  # type: ignore[typeddict-item]
    if not await used.is_first(f"{thumbprint}:{token_hash(claims['jti'])}", state["redis"], now):
        raise ProofRefused("this jti was used before; sign a new proof")
    return thumbprint


def nonce_now(state: AppState) -> str:
    """The nonce for the next proof: the same in every process, for one window and the one after it."""
    return _nonces(state)[0].decode()


def mistake_in(claims: VerifiedClaims, *, method: str, target: str, token: str | None, now: float) -> str | None:
    """Why a proof is not for this request (RFC 9449 §4.3), as a sentence; None when it is, whatever its nonce."""
    jti, place, made = claims.get("jti"), claims.get("htu"), claims.get("iat")
    if not _is_text(jti) or not 8 <= len(jti) <= LONGEST:
        return f"jti must have 8 to {LONGEST} characters of ASCII"
    if claims.get("htm") != method:
        return "htm is another method"
    if not _is_text(place) or _place(place) is None or _place(place) != _place(target):
        return "htu is another address; give this one, without query and fragment"
    if type(made) is not int or not now - CLOCKS <= made <= now + CLOCKS:
        return f"iat must be a time in seconds, within {CLOCKS} s of now; check the clock"
    if token is not None and claims.get("ath") != _b64(sha256(token.encode()).digest()).decode():
        return "ath must be the SHA-256 of the access token, in base64url"
    return None


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isascii()


def _place(address: str) -> tuple[str, str, int | None, str] | None:
    """What of an address says which one it is (RFC 3986 §6.2.2 and §6.2.3); None for what is none."""
    try:
        parts = urlsplit(address)
        if not parts.hostname or parts.username is not None:
            return None
        return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), unquote(parts.path) or "/"
    except ValueError:
        return None


def _nonces(state: AppState) -> Sequence[bytes]:
    """Those that are taken now; the first is the one that is given out."""
    window = int(state["clock"]().timestamp()) // WINDOW
    return [_b64(state["keys"].blind_index("dpop.nonce", str(each))) for each in (window, window - 1)]


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
