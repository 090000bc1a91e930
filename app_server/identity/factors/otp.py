"""Time-based one-time passwords (RFC 6238), pure: six digits, SHA-1, a step of 30 seconds."""

import base64
import hmac
import secrets
import struct
from datetime import datetime
from urllib.parse import quote, urlencode

STEP = 30  # seconds
DRIFT = 1  # steps accepted on either side: phones and we disagree about the time (RFC 6238 §5.2)
DIGITS = 6
SECRET_BYTES = 20  # as long as the hash (RFC 4226 §4, R6)


def new_secret() -> str:
    """A secret as authenticator apps take it: base32, 32 characters."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a time step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_at(now: datetime) -> int:
    """The time step of a moment."""
    return int(now.timestamp()) // STEP


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, if it is near enough; None when it is none of them."""
    around = range(step_at(now) - DRIFT, step_at(now) + DRIFT + 1)
    found = [step for step in around if hmac.compare_digest(code_at(secret, step).encode(), code.encode())]
    return found[-1] if found else None


def address(secret: str, *, issuer: str, account: str) -> str:
    """The `otpauth` address that authenticator apps read from a QR code (the Key URI format)."""
    label = f"{quote(issuer)}:{quote(account)}"
    asked = {"secret": secret, "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": STEP}
    return f"otpauth://totp/{label}?{urlencode(asked, quote_via=quote)}"
