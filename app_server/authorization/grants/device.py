"""Tokens for a device that a resident allowed with her phone (RFC 8628 §3.4)."""

from app_server.authorization.client_proof import proven_client, use_assertion
from app_server.authorization.devices import DEVICE_GRANT, NO_CHALLENGE, Standing, poll
from app_server.authorization.forms import Form
from app_server.authorization.grants.code import challenge_of, traded
from app_server.authorization.problems import OAuthError, required
from app_server.authorization.schemas import Tokens
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work

_REFUSALS = {
    Standing.PENDING: "nobody has decided yet; ask again after the interval",
    Standing.TOO_SOON: "you asked before the interval was over; it is 5 seconds longer from now on",
    Standing.DENIED: "the resident does not want this, or entered another number than the screen shows",
    Standing.EXPIRED: "nobody decided in time; begin again",
    Standing.UNKNOWN: "there is no such device code of this client's",
}


async def for_device(form: Form, state: AppState) -> Tokens:
    """Tokens once the resident has allowed it. Raises `OAuthError`, also while she has not decided (RFC 8628 §3.5)."""
    client, assertion = proven_client(form, state)
    if not client.device_flow:
        raise OAuthError("unauthorized_client", "the device flow is not switched on for this client")
    device_code = required(form, "device_code")
    verifier = form.get("code_verifier")
    challenge = NO_CHALLENGE if verifier is None else challenge_of(verifier)
    standing = await poll(client, device_code, state=state)
    if standing is Standing.ALLOWED:
        return await traded(
            client,
            assertion,
            code=device_code,
            redirect_uri=DEVICE_GRANT,
            challenge=challenge,
            jkt=form.jkt,
            state=state,
        )
    if assertion is not None:
        await in_unit_of_work(use_assertion)(client, assertion)
    raise OAuthError(standing.value, _REFUSALS[standing])
