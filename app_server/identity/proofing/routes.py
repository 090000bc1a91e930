"""Identity levels over HTTP: a resident's own, and what an officer does at the counter."""

from starlette.responses import Response

from app_server.identity.problems import CLOSED
from app_server.identity.proofing import proofs
from app_server.identity.proofing.problems import (
    DocumentNumberNotValid,
    IdentityInUse,
    IdentityIsAnother,
    IdentityNotMatched,
    RegisterUnavailable,
)
from app_server.identity.proofing.schemas import CheckInRegister, Identity, Revoke, SeenInPerson
from app_server.kernel.access import Operator, Resident, access, actor
from app_server.kernel.audit import audit
from app_server.kernel.problems import NotFound, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.routing import Route, describe, get, post
from app_server.kernel.schemas import read, reply
from app_server.kernel.state import AppRequest
from app_server.kernel.unit_of_work import in_unit_of_work

_REFUSALS = (DocumentNumberNotValid, IdentityInUse, IdentityIsAnother, *CLOSED)


@access(Resident)
@describe(reply=Identity)
async def own_identity(request: AppRequest) -> Response:
    """How well the city knows who the resident is, and what that rests on."""
    return reply(await proofs.identity_of(actor(request, Resident).id, state=request.state))


@access(Resident)
@describe(
    body=CheckInRegister,
    reply=Identity,
    problems=(*_REFUSALS, IdentityNotMatched, RegisterUnavailable, TooManyRequests, TemporarilyUnavailable),
)
async def check_in_register(request: AppRequest) -> Response:
    """Verify the resident's name and citizen identification number in the population register."""
    asked = await read(request, CheckInRegister)
    return reply(await proofs.check_in_register(actor(request, Resident).id, asked, state=request.state))


@access(Operator)
@describe(reply=Identity, problems=(NotFound,))
async def identity_at_counter(request: AppRequest) -> Response:
    """A resident's level and verifications, without values; that one looked stands in the audit."""
    resident_id = request.path_params["id"]
    found = await proofs.identity_of(resident_id, state=request.state)
    await in_unit_of_work(audit)(
        "operator", actor(request, Operator).id, "identity.looked_up", f"resident:{resident_id}"
    )
    return reply(found.model_copy(update={"name": None}))


@access(Operator)
@describe(body=SeenInPerson, reply=Identity, problems=(NotFound, *_REFUSALS))
async def see_in_person(request: AppRequest) -> Response:
    """An officer has seen the resident and a document of theirs: the highest level."""
    asked, by = await read(request, SeenInPerson), actor(request, Operator)
    found = await proofs.see_in_person(request.path_params["id"], asked, by=by, state=request.state)
    return reply(found.model_copy(update={"name": None}))


@access(Operator)
@describe(body=Revoke, reply=Identity, problems=(NotFound,))
async def revoke_proof(request: AppRequest) -> Response:
    """Take a verification back, and say why."""
    asked, by = await read(request, Revoke), actor(request, Operator)
    found = await proofs.revoke(request.path_params["id"], reason=asked.reason.strip(), by=by, state=request.state)
    return reply(found)


proofing_routes: list[Route] = [
    get("/v1/me/identity", own_identity),
    post("/v1/me/identity/register-checks", check_in_register),
    get("/v1/operator/residents/{id:uuid}/identity", identity_at_counter),
    post("/v1/operator/residents/{id:uuid}/identity", see_in_person),
    post("/v1/operator/identity-proofs/{id:uuid}/revocation", revoke_proof),
]
