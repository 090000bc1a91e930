"""Secrets of clients (`client_secret_basic`, RFC 6749 §2.3.1): only for those that the city allows one.

A secret is shown once and kept as a hash. A client has two at most: the older one works while it changes over.
"""

import base64
import hmac
import secrets
from datetime import timedelta
from urllib.parse import unquote_plus

import orjson

from app_server.authorization.problems import OAuthError
from app_server.kernel.audit import audit
from app_server.kernel.crypto import token_hash
from app_server.kernel.limits import Rate
from app_server.kernel.ports import Client, Proof
from app_server.kernel.state import AppRequest
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

MOST = 2  # of one client
LONGEST = 1024  # characters of the header
CHALLENGE = 'Basic realm="banyan", charset="UTF-8"'
WRONG_ONES = Rate(most=30, per=timedelta(minutes=1))  # from one address; a right secret is never kept out


@in_unit_of_work
async def give_secret(client_id: str, *, reason: str, by: str) -> str | None:
    """A new secret for the client, which proves itself by one from now on, and by its keys no longer; None if none is
    open. The one of before stays good beside it, an older one does not.
    """
    row = await fetchrow(
        "SELECT id, proof, secret_hashes FROM core_registered_client WHERE client_id = $1 AND removed_at IS NULL"
        " FOR UPDATE",
        client_id,
    )
    if row is None:
        return None
    secret = f"cs_{secrets.token_urlsafe(32)}"
    older = orjson.loads(row["secret_hashes"] or "[]")
    await execute(
        "UPDATE core_registered_client SET proof = $2, public_keys = '[]', secret_hashes = $3, version = version + 1"
        " WHERE id = $1",
        row["id"],
        Proof.CLIENT_SECRET_BASIC,
        orjson.dumps([token_hash(secret), *older][:MOST]).decode(),
    )
    await audit("system", by, "client.secret_given", f"client:{client_id}", reason=reason)
    return secret


def proves(client: Client, secret: str) -> bool:
    """Whether the secret is one of the client's; all of them are compared, each in constant time."""
    hashes = client.secret_hashes if client.proof is Proof.CLIENT_SECRET_BASIC else ()
    given = token_hash(secret)
    return sum(hmac.compare_digest(given, each) for each in hashes) > 0


def read_basic(request: AppRequest) -> tuple[str, str] | None:
    """Client id and secret of the Authorization header, in which both are form-encoded; None without one.

    Raises `OAuthError`.
    """
    if not tries_basic(request):
        return None
    given = request.headers.getlist("authorization")
    try:
        if len(given) != 1 or len(given[0]) > LONGEST:
            raise ValueError("two, or too long")
        raw = base64.b64decode(given[0][len("basic ") :].strip(), validate=True).decode()
        client_id, secret = (unquote_plus(part, errors="strict") for part in raw.split(":"))
    except ValueError:
        words = "Authorization: Basic must be base64 of client_id:secret, each form-encoded (RFC 6749 §2.3.1)"
        raise OAuthError("invalid_client", words, 401) from None
    return client_id, secret


def tries_basic(request: AppRequest) -> bool:
    """Whether the client tries to prove itself by a secret in the Authorization header."""
    return any(each[:6].lower() == "basic " for each in request.headers.getlist("authorization"))
