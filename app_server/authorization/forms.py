"""What comes to an OAuth endpoint: a form, and what the headers beside it prove."""

from app_server.authorization.client_secrets import read_basic
from app_server.authorization.problems import OAuthError
from app_server.authorization.proofs import ProofRefused, proven_key
from app_server.kernel.problems import UnsupportedMediaType, ValidationFailed
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest


class Form(dict[str, str]):
    """The fields. `jkt` is the thumbprint of the key that the sender has proven to hold (RFC 9449), `secret` what came
    in the Authorization header beside the client's id, if any.
    """

    jkt: str | None = None
    secret: str | None = None


async def read(request: AppRequest, into: Form) -> None:
    """Read the request; what was read before a refusal stands in the form. Raises `OAuthError`."""
    try:
        into.update(await read_form(request))
    except (UnsupportedMediaType, ValidationFailed):
        raise OAuthError("invalid_request", "send a form, each field once, as UTF-8") from None
    if into.get("client_secret"):
        raise OAuthError("invalid_request", "client_secret has no place in the form: use Authorization: Basic")
    if basic := read_basic(request):
        _take_basic(into, *basic)
    if "dpop" in request.headers:
        try:
            into.jkt = await proven_key(request)
        except ProofRefused as refused:
            raise OAuthError(refused.error, f"DPoP: {refused}") from None


def _take_basic(into: Form, client_id: str, secret: str) -> None:
    if "client_assertion" in into:
        raise OAuthError("invalid_request", "prove the client in one way: by a secret, or by an assertion")
    if into.setdefault("client_id", client_id) != client_id:
        raise OAuthError("invalid_request", "client_id is another than that of the Authorization header")
    into.secret = secret
