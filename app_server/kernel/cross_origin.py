"""Routes that pages of every origin may ask, as programs do: with what they hold themselves, and without our cookies.

The Fetch standard §3.3: an answer for `*` is one that a browser asked for without credentials.
"""

from starlette.responses import Response

from app_server.kernel.state import AppRequest

HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"dpop-nonce, retry-after, www-authenticate"),
]
ASKED_AGAIN_AFTER = 600  # seconds


async def preflight(request: AppRequest) -> Response:
    """What a page may send, told before it sends it."""
    return Response(
        status_code=204,
        headers={
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "authorization, content-type, dpop",
            "access-control-max-age": str(ASKED_AGAIN_AFTER),
        },
    )
