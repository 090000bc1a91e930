"""Who may act for whom, as pages of forms: they work without JavaScript. And the tap that changes whom one acts for."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from app_server.identity.acting import capacity, mandates, views
from app_server.identity.acting.problems import MandateWithOneself
from app_server.identity.acting.routes import invitation_link, uses_of
from app_server.identity.acting.rules import BETWEEN_RESIDENTS, CITY_TIME, Side, State, shown_code
from app_server.identity.acting.schemas import MandateView, OfferMandate
from app_server.identity.cookies import set_acting_cookie
from app_server.identity.presence import Purpose
from app_server.identity.problems import InsufficientUserAuthentication, PhoneNotValid
from app_server.kernel.access import FRAME, Anonymous, Resident, access, actor
from app_server.kernel.drawing import svg
from app_server.kernel.problems import NotFound, Problem, TooManyRequests, ValidationFailed
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import page_request, read_form, validation_failed
from app_server.kernel.state import AppRequest
from app_server.pages.messages import Messages, messages
from app_server.pages.presence import to_presence
from app_server.pages.render import look_of, page
from app_server.pages.sign_in import PRIVATE, to_sign_in
from app_server.registry.published import listings

HERE = "/mandates"
FIELDS = ("you_are", "kind", "phone", "reach", "starts_on", "until")
KEPT = ("you_are", "kind", "reach", "starts_on", "until")  # while somebody shows that they are there; no number
SERVICE = "service:"  # how the boxes of the services are named in the form


@access(Resident, Anonymous)
async def mandates_page(request: AppRequest) -> Response:
    """One's mandates, given and held, and the form of a new one."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in(HERE)
    kept = {name: value for name, value in request.query_params.items() if name in KEPT or name.startswith(SERVICE)}
    return await _list(request, user, form=kept)


@access(Resident)
async def offer(request: AppRequest) -> Response:
    """Offer a mandate. An open one shows its code here, this once."""
    me, form, state = actor(request, Resident), await read_form(request), request.state
    locale = look_of(request).locale
    try:
        mandate, code = await mandates.offer(me.id, me.session_id, _asked(form, locale), locale=locale, state=state)
    except InsufficientUserAuthentication:
        kept = {name: value for name, value in form.items() if name in KEPT or name.startswith(SERVICE)}
        return to_presence(Purpose.MANDATES, f"{HERE}?{urlencode(kept)}#offer")
    except (ValidationFailed, PhoneNotValid, MandateWithOneself, TooManyRequests) as problem:
        return await _list(request, me, form=form, problem=problem)
    if code is None:
        return RedirectResponse(f"{HERE}/{mandate.id}", status_code=303, headers=PRIVATE)
    link = invitation_link(code, state)
    return page(
        request,
        "mandate-offered.html",
        headers=PRIVATE,
        code=shown_code(code),
        link=link,
        picture=f"data:image/svg+xml;base64,{base64.b64encode(svg(link)).decode()}",
        last=_day(mandate.offer_expires_at, locale),
    )


@access(Resident, Anonymous)
async def mandate_page(request: AppRequest) -> Response:
    """One mandate: what it is, what was done under it, and the way out."""
    user = request.scope["user"]
    if not isinstance(user, Resident):
        return to_sign_in(request.url.path)
    mandate = await views.mandate_of(user.id, request.path_params["id"], state=request.state)
    uses = await uses_of(mandate.id, page_request(request), state=request.state)
    return page(
        request,
        "mandate.html",
        headers=PRIVATE,
        mandate=_shown(mandate, request),
        uses=uses.items,
        following=uses.next,
        code=None,
    )


@access(Resident)
async def answer(request: AppRequest) -> Response:
    """Accept a mandate, or end it: refuse it, take it back."""
    me, form, state = actor(request, Resident), await read_form(request), request.state
    mandate_id = request.path_params["id"]
    if form.get("act") == "accept":
        code = form.get("code")
        try:
            await mandates.accept(me.id, me.session_id, mandate_id, code, state=state)
        except InsufficientUserAuthentication:
            invited = f"{HERE}/invitation?{urlencode({'code': code})}"
            return to_presence(Purpose.MANDATES, invited if code else f"{HERE}/{mandate_id}")
        return RedirectResponse(f"{HERE}/{mandate_id}", status_code=303, headers=PRIVATE)
    await mandates.end(me.id, mandate_id, state=state)
    return RedirectResponse(HERE, status_code=303, headers=PRIVATE)


@access(Resident, Anonymous)
async def invitation_page(request: AppRequest) -> Response:
    """What an invitation's code stands for, before it is accepted."""
    user, code = request.scope["user"], request.query_params.get("code", "")
    if not isinstance(user, Resident):
        return to_sign_in(f"{request.url.path}?{request.url.query}")
    found = await mandates.invitation(user.id, code, state=request.state)
    mandate = await views.offered_to(user.id, found.id, state=request.state)
    return page(
        request,
        "mandate.html",
        headers=PRIVATE,
        mandate=_shown(mandate, request),
        uses=[],
        following=None,
        code=code,
    )


@access(Resident, on_behalf=FRAME)
async def change_capacity(request: AppRequest) -> Response:
    """Act for another from here on, or as oneself again; in one tap, also from one to another."""
    user, form, state = actor(request, Resident), await read_form(request), request.state
    token = None
    if mandate := form.get("mandate_id"):
        me = user.acting.actor_id if user.acting else user.id
        opened = await capacity.act_for_another(me, user.own_session_id, _uuid(mandate), state=state)
        token = opened.token
    if user.acting:
        await capacity.back_to_oneself(user.session_id, state=state)
    response = RedirectResponse("/", status_code=303, headers=PRIVATE)
    set_acting_cookie(response, token, request)
    return response


async def _list(
    request: AppRequest, me: Resident, *, form: Mapping[str, str] | None = None, problem: Problem | None = None
) -> Response:
    locale = look_of(request).locale
    found = await views.mandates_of(me.id, page_request(request), state=request.state)
    shown = [_shown(mandate, request) for mandate in found.items]
    words = messages(locale)
    return page(
        request,
        "mandates.html",
        status=problem.status if problem else 200,
        headers={**PRIVATE, **(problem.headers if problem else {})},
        groups=[
            (name, group)
            for name in ("waiting", "principals", "agents", "over")
            if (group := [mandate for mandate in shown if mandate["group"] == name])
        ],
        following=found.next,
        kinds=sorted(BETWEEN_RESIDENTS),
        services=[(each.app_id, each.title(locale)) for each in listings(request.state).open()],
        form=dict.fromkeys(FIELDS, "") | dict(form or {}),
        error=_told(problem, words) if problem else None,
    )


def _told(problem: Problem, words: Messages) -> str:
    wrong = next((error.pointer for error in problem.errors), "")
    if wrong in ("/until", "/starts_on"):
        return words("mandates.wants_day")
    return problem.detail or words.problem(problem.code, problem.title(), **problem.members)


def _asked(form: Mapping[str, str], locale: str) -> OfferMandate:
    services = [name.removeprefix(SERVICE) for name in form if name.startswith(SERVICE)]
    reach, words = form.get("reach"), messages(locale)
    if reach not in ("look", "act", "services") or (reach == "services") != bool(services):
        raise ValidationFailed(words("mandates.wants_choice"))
    try:
        return OfferMandate.model_validate_json(
            orjson.dumps(
                {
                    "kind": form.get("kind"),
                    "you_are": form.get("you_are"),
                    "phone": form.get("phone") or None,
                    "reach": "look" if reach == "look" else "act",
                    "app_ids": services,
                    "starts_on": form.get("starts_on") or None,
                    "until": form.get("until"),
                }
            )
        )
    except ValidationError as error:
        raise validation_failed(error) from None


def _shown(mandate: MandateView, request: AppRequest) -> dict[str, Any]:
    """A mandate as the page says it."""
    locale, now = look_of(request).locale, request.state["clock"]()
    words, begun = messages(locale), mandate.starts_at <= now
    in_force = mandate.state is State.ACTIVE and begun and mandate.until_at > now
    name = mandate.other.name or mandate.other.phone_masked or words("mandates.somebody")
    sentence = "agent_of_me" if mandate.you_are is Side.PRINCIPAL else "i_am_agent_of"
    suffix = {State.OFFERED: "_asked", State.ACTIVE: "", State.ENDED: "_over"}[mandate.state]
    found = [listing for app_id in mandate.app_ids if (listing := listings(request.state).get(app_id))]
    services = ", ".join(listing.title(locale) for listing in found) or ", ".join(mandate.app_ids)
    return {
        "id": mandate.id,
        "name": name,
        "sentence": words(f"mandates.{sentence}{suffix}", name=name),
        "kind": words(f"mandates.kind.{mandate.kind.value}"),
        "role": words(f"mandates.role.{mandate.role.value}") if mandate.role else None,
        "reach": words("mandates.reach_services", services=services)
        if services
        else words(f"mandates.reach.{mandate.reach.value}"),
        "dates": words(
            "mandates.dates",
            first=_day(mandate.starts_at, locale),
            last=_day(mandate.until_at - timedelta(seconds=1), locale),
        ),
        "state": mandate.state.value,
        "waits_for_you": mandate.waits_for == mandate.you_are,
        "offered_by_you": mandate.offered_by_you,
        "begun": begun,
        "usable": in_force and mandate.you_are is Side.AGENT,
        "ended": _day(mandate.ended_at, locale) if mandate.ended_at else None,
        "group": _group(mandate),
    }


def _group(mandate: MandateView) -> str:
    if mandate.state is State.OFFERED:
        return "waiting"
    if mandate.state is State.ENDED:
        return "over"
    return "principals" if mandate.you_are is Side.AGENT else "agents"


def _day(moment: datetime, locale: str) -> str:
    """The day in the city, as people say it."""
    day = moment.astimezone(CITY_TIME)
    return f"{day.year}年{day.month}月{day.day}日" if locale == "zh-CN" else f"{day.day} {day:%B %Y}"


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound() from None


mandate_page_routes = [
    get(HERE, mandates_page),
    post(HERE, offer),
    get(f"{HERE}/invitation", invitation_page),
    post(f"{HERE}/acting", change_capacity),
    get(f"{HERE}/{{id:uuid}}", mandate_page),
    post(f"{HERE}/{{id:uuid}}", answer),
]
