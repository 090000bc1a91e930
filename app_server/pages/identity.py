"""How well the city knows who one is, as a page of forms: it works without JavaScript."""

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from app_server.identity.outside.providers import providers
from app_server.identity.problems import CLOSED
from app_server.identity.proofing import proofs
from app_server.identity.proofing.problems import (
    DocumentNumberNotValid,
    IdentityInUse,
    IdentityIsAnother,
    IdentityNotMatched,
    RegisterUnavailable,
)
from app_server.identity.proofing.schemas import CheckInRegister
from app_server.kernel.access import Anonymous, Resident, access, actor
from app_server.kernel.logs import request_id
from app_server.kernel.problems import Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

_TOLD = (  # on the page itself
    *(DocumentNumberNotValid, IdentityInUse, IdentityIsAnother, IdentityNotMatched, RegisterUnavailable),
    *(TooManyRequests, TemporarilyUnavailable, *CLOSED),
)


@access(Resident, Anonymous)
async def identity_page(request: AppRequest) -> Response:
    """The resident's level, what it rests on, and how to raise it."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in("/me/identity")
    return await show_identity(request, user, done="done" in request.query_params)


@access(Resident)
async def verify(request: AppRequest) -> Response:
    """Ask the register about name and number."""
    user, form = actor(request, Resident), await read_form(request)
    name = form.get("name", "")[:60]
    try:
        asked = CheckInRegister.model_validate({name: form.get(name, "") for name in ("name", "id_number")})
        await proofs.check_in_register(user.id, asked, state=request.state)
    except ValidationError:
        return await show_identity(request, user, problem=DocumentNumberNotValid(), name=name)
    except RedisUnavailable:
        return await show_identity(request, user, problem=TemporarilyUnavailable(), name=name)
    except _TOLD as problem:
        return await show_identity(request, user, problem=problem, name=name)
    return RedirectResponse("/me/identity?done", status_code=303, headers=PRIVATE)


async def show_identity(
    request: AppRequest, user: Resident, *, done: bool = False, problem: Problem | None = None, name: str = ""
) -> Response:
    """The page, with what went wrong and the number by which the operator finds why."""
    locale = look_of(request).locale
    words = messages(locale)
    return page(
        request,
        "identity.html",
        status=problem.status if problem else 200,
        headers={**PRIVATE, **(problem.headers if problem else {})},
        error=words.problem(problem.code, problem.title(), **problem.members) if problem else None,
        identity=await proofs.identity_of(user.id, state=request.state),
        done=done,
        typed=name,
        outside={each.said.id: each.name(locale) for each in providers(request.state).values()},
        reference=request_id.get() if problem else None,
    )


identity_routes = [get("/me/identity", identity_page), post("/me/identity", verify)]
