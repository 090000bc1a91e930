"""Signing in with a password, and the second step, as forms: they work without JavaScript."""

from starlette.responses import Response

from app_server.identity.cookies import client_address, device_of, visit_of
from app_server.identity.factors import passwords, second_steps
from app_server.identity.factors.problems import PasswordNotAccepted, SecondCodeNotAccepted, SecondStepOver
from app_server.identity.problems import CLOSED, PhoneNotValid
from app_server.kernel.access import Anonymous, access
from app_server.kernel.authentication import require_same_origin
from app_server.kernel.problems import Problem, TemporarilyUnavailable, TooManyRequests
from app_server.kernel.redis import RedisUnavailable
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form
from app_server.kernel.state import AppRequest
from app_server.pages.render import look_of
from app_server.pages.sign_in import ask_code, ask_number, ask_second, door, let_in, own_path


@access(Anonymous)
async def password_page(request: AppRequest) -> Response:
    """Where a person gives number and password."""
    return _ask_password(request, own_path(request.query_params.get("next", "/")))


@access(Anonymous)
async def take_password(request: AppRequest) -> Response:
    """Take number and password, and ask for the second step."""
    require_same_origin(request)
    form = await read_form(request)
    phone, target = form.get("phone", "")[:40], own_path(form.get("next", "/"))
    try:
        halfway = await passwords.sign_in(
            phone,
            form.get("password", "")[:512],
            locale=look_of(request).locale,
            address=client_address(request),
            device=device_of(request),
            state=request.state,
        )
    except (PhoneNotValid, PasswordNotAccepted, TooManyRequests, TemporarilyUnavailable, *CLOSED) as problem:
        return _ask_password(request, target, phone=phone, problem=problem)
    except RedisUnavailable:
        return _ask_password(request, target, phone=phone, problem=TemporarilyUnavailable())
    if halfway.challenge_id is None:
        return ask_second(request, halfway.step, target, by_app=halfway.by_app)
    return ask_code(request, str(halfway.challenge_id), phone, target, step=halfway.step)


@access(Anonymous)
async def take_second(request: AppRequest) -> Response:
    """Take the code of the app or a recovery code, and open the session."""
    require_same_origin(request)
    form, visit = await read_form(request), visit_of(request)
    step, target = form.get("step", "")[:100], own_path(form.get("next", "/"))
    try:
        opened = await second_steps.answer(step, form.get("code", "")[:40], visit=visit, state=request.state)
    except SecondCodeNotAccepted as problem:
        return ask_second(request, step, target, by_app="paper" not in form, problem=problem)
    except (SecondStepOver, *CLOSED) as problem:
        return ask_number(request, target, problem=problem)
    return await let_in(request, opened, visit, target)


def _ask_password(request: AppRequest, target: str, *, phone: str = "", problem: Problem | None = None) -> Response:
    return door(request, "sign-in-password.html", target, problem, phone=phone)


sign_in_step_routes = [
    get("/sign-in/password", password_page),
    post("/sign-in/password", take_password),
    post("/sign-in/second-step", take_second),
]
