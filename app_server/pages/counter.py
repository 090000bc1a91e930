"""The counter's page of the console: accounts of children, wards and companies, and who acts for them. Forms alone."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError
from starlette.responses import RedirectResponse, Response

from app_server.identity.acting import opening
from app_server.identity.acting.problems import CompanyKnown
from app_server.identity.acting.rules import Kind, Role
from app_server.identity.acting.schemas import EndMandate, MandateView, OpenCompany, OpenDependant, OpenMandate
from app_server.identity.problems import PhoneNotValid
from app_server.kernel.access import Anonymous, Operator, Resident, access, actor
from app_server.kernel.problems import NotFound, Problem, ValidationFailed
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import page_request, read_form, validation_failed
from app_server.kernel.state import AppRequest
from app_server.pages.messages import messages
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in

HERE = "/console/mandates"
TOLD = ("opened", "given", "ended")
FIELDS = ("act", "name", "birth_date", "credit_code", "principal_id", "kind", "role", "phone", "until", "reason")

S = TypeVar("S", bound=BaseModel)


@access(Resident, Anonymous)
async def counter_page(request: AppRequest) -> Response:
    """Open accounts, and let others act for them."""
    person = request.scope["user"]
    if not isinstance(person, Resident):
        return to_sign_in(HERE)
    if "operator" not in person.roles:
        return page(request, "desk/not_yours.html", status=403, desk="console")
    return await _page(request, Operator(id=person.id, session_id=person.session_id))


@access(Operator)
async def change_at_counter(request: AppRequest) -> Response:
    """Open an account or a mandate, or end one."""
    by, form, state = actor(request, Operator), await read_form(request), request.state
    account = form.get("principal_id", "")
    try:
        if form.get("act") == "dependant":
            account = str(await opening.open_dependant(_read(OpenDependant, form), by=by, state=state))
            told = "opened"
        elif form.get("act") == "company":
            account = str(await opening.open_company(_read(OpenCompany, form), by=by, state=state))
            told = "opened"
        elif form.get("act") == "mandate":
            locale = look_of(request).locale
            await opening.open_mandate(_read(OpenMandate, form), by=by, locale=locale, state=state)
            told = "given"
        else:
            reason = _read(EndMandate, form).reason
            await opening.end_by_officer(_uuid(form.get("mandate_id", "")), reason, by=by, state=state)
            told = "ended"
    except (ValidationFailed, PhoneNotValid, CompanyKnown, NotFound) as problem:
        return await _page(request, by, form=form, problem=problem)
    return RedirectResponse(f"{HERE}?{urlencode({'account': account, 'told': told})}", status_code=303, headers=PRIVATE)


async def _page(
    request: AppRequest, by: Operator, *, form: Mapping[str, str] | None = None, problem: Problem | None = None
) -> Response:
    asked, words = request.query_params, messages(look_of(request).locale)
    account = (form or {}).get("principal_id", asked.get("account", ""))
    mandates: list[MandateView] | None = None
    following = None
    if account and problem is None:
        try:
            found = await opening.mandates_at_counter(_uuid(account), page_request(request), by=by, state=request.state)
            mandates, following = found.items, found.next
        except NotFound as unknown:
            problem = unknown
    return page(
        request,
        "desk/mandates.html",
        status=problem.status if problem else 200,
        headers=PRIVATE,
        desk="console",
        view="mandates",
        account=account,
        mandates=mandates,
        following=following,
        kinds=[kind.value for kind in (Kind.PARENT, Kind.WARD, Kind.OFFICER)],
        roles=[role.value for role in Role],
        form=dict.fromkeys(FIELDS, "") | dict(form or {}),
        told=asked.get("told") if asked.get("told") in TOLD and problem is None else None,
        error=words.problem(problem.code, problem.title(), **problem.members) if problem else None,
        wrong={error.pointer.removeprefix("/") for error in problem.errors} if problem else set(),
    )


def _read(schema: type[S], form: Mapping[str, str]) -> S:
    said: dict[str, Any] = {name: form[name] for name in schema.model_fields if form.get(name)}
    try:
        return schema.model_validate_json(orjson.dumps(said))
    except ValidationError as error:
        raise validation_failed(error) from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


counter_page_routes = [get(HERE, counter_page), post(HERE, change_at_counter)]
