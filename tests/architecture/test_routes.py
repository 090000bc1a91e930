"""Nobody forgot: every route says who may call it, what it is, and what OpenAPI says of it is committed."""

import json
from pathlib import Path

import pytest

from app_server import wiring
from app_server.database import missing_migrations
from app_server.kernel.access import Access
from app_server.kernel.problems import Problem, all_problems
from app_server.kernel.routing import Route
from app_server.kernel.settings import Mode, Settings
from app_server.openapi import API_PREFIXES, document

ROOT = Path(__file__).parents[2]

# Writes of the API that take no Idempotency-Key, and why a repeat does no harm without one (decision 0015).
WITHOUT_A_KEY = {
    "POST /v1/sign-in/challenges": "a second text message is what a second wish means, and the resend limit holds it",
    "POST /v1/sign-in/sessions": "the one-time code is the key: it opens one session, and a wrong guess must count",
    "POST /v1/sign-in/passwords": "a try must count, and a step that nobody takes ends by itself",
    "POST /v1/sign-in/second-steps": "the step is the key: it opens one session, and a wrong code must count",
    "POST /v1/me/presence/codes": "a second text message is what a second wish means, and the resend limit holds it",
    "POST /v1/me/presence/passkey-challenges": "a challenge that nobody answers ends by itself after five minutes",
    "POST /v1/me/presence": "the code or the signature is the key: each gives one ticket, and a wrong code must count",
    "POST /v1/operator/recoveries/{id:uuid}/approval": "what is approved stays approved",
    "DELETE /v1/operator/recoveries/{id:uuid}": "what is ended stays ended",
    "POST /v1/me/phone-changes": "a second text message is what a second wish means, and the resend limit holds it",
    "POST /v1/me/phone-changes/confirmation": "the one-time code is the key: it changes once, and a wrong try counts",
    "DELETE /v1/me/phone-changes/latest": "what is undone stays undone",
    "DELETE /v1/me/recovery": "what is ended stays ended",
    "POST /v1/recovery/codes": "a second text message is what a second wish means, and the resend limit holds it",
    "POST /v1/recovery/sessions": "the code of the counter is the key: it recovers once",
    "PUT /v1/me/password": "sets what it names to what it says",
    "DELETE /v1/me/password": "what is removed stays removed",
    "POST /v1/me/authenticator-app": "a secret that nobody confirms ends by itself; the newest one counts",
    "POST /v1/me/authenticator-app/confirmation": "the code is the key: it confirms one app, and works once",
    "DELETE /v1/me/authenticator-app": "what is turned off stays off",
    "POST /v1/me/recovery-codes": "the codes are shown once: who lost the answer wants new ones",
    "DELETE /v1/sign-in/sessions/current": "what is ended stays ended",
    "POST /v1/passkeys/challenges": "a challenge that nobody answers ends by itself after five minutes",
    "POST /v1/passkeys": "the challenge is the key: it makes one passkey, and a wrong answer must use it up",
    "PATCH /v1/passkeys/{id:uuid}": "sets what it names to what it says",
    "DELETE /v1/passkeys/{id:uuid}": "what is removed stays removed",
    "POST /v1/sign-in/passkeys/challenges": "a challenge that nobody answers ends by itself after five minutes",
    "POST /v1/sign-in/passkeys/sessions": "the challenge is the key: it opens one session, and a wrong answer ends it",
    "PATCH /v1/sessions/{id:uuid}": "sets what it names to what it says",
    "DELETE /v1/sessions/{id:uuid}": "what is ended stays ended",
    "DELETE /v1/sessions/others": "what is ended stays ended",
    "POST /v1/mandates/invitations": "reads",
    "POST /v1/mandates/{id:uuid}/accept": "the same yes again is the same yes",
    "POST /v1/operator/mandates/{id:uuid}/end": "what is ended stays ended",
    "DELETE /v1/companies/{id:uuid}/officers/{office:uuid}": "what is ended stays ended",
    "DELETE /v1/mandates/{id:uuid}": "what is ended stays ended",
    "PATCH /v1/me": "sets what it names to what it says; If-Match for who must not overwrite",
    "POST /v1/me/identity/register-checks": "the same person verified twice is one proof",
    "POST /v1/operator/residents/{id:uuid}/identity": "the same document seen twice is one proof",
    "POST /v1/operator/identity-proofs/{id:uuid}/revocation": "what is taken back stays taken back",
    "POST /v1/operator/residents/search": "reads; the look is in the audit",
    "PUT /v1/operator/residents/{id:uuid}/standing": "sets what it names to what it says",
    "POST /oauth/token": "codes and assertions are used once; a refresh token gives the same successor for a while",
    "DELETE /v1/consents/{consent_id:uuid}": "what is withdrawn stays withdrawn",
    "POST /v1/miniapps/{app_id}/launch": "a launch that nobody uses ends by itself after a minute",
    "POST /oauth/par": "a request that nobody brings to the authorization endpoint ends by itself",
    "POST /oauth/device_authorization": "a request that nobody decides on ends by itself",
    "POST /oauth/revoke": "what is given back stays given back",
    "POST /oauth/introspect": "reads",
    "POST /oauth/userinfo": "reads; the look is in the ledger once for a sign-in",
    "PUT /v1/provider/clients/{client_id}": "sets all that a client says of itself; If-Match guards it",
    "DELETE /v1/provider/clients/{client_id}": "what is removed stays removed",
    "POST /v1/provider/manifest-checks": "keeps nothing",
    "POST /v1/inbox/read": "what is read stays read",
    "POST /v1/inbox/{id:uuid}/read": "what is read stays read",
    "POST /v1/sms/callbacks/{id:uuid}": "sets a state that only goes forward",
    "POST /v1/code-readings": "keeps nothing",
    "POST /v1/verifiers/enrolments": "the code is the key: one device becomes the reader, and a wrong guess must count",
    "DELETE /v1/verifiers/me": "what is forgotten stays forgotten",
    "DELETE /v1/verifiers/{id:uuid}": "what is removed stays removed",
}


def settings_for(mode: Mode) -> Settings:
    return Settings(mode=mode, database_url="postgresql://h/d", redis_url="redis://h", key_file=Path("keys.json"))


def all_routes() -> list[Route]:
    return wiring.routes(settings_for(Mode.DEMO))


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_every_route_declares_its_access() -> None:
    forgotten = [name(r) for r in all_routes() if not isinstance(getattr(r.endpoint, "__access__", None), Access)]
    assert forgotten == []


def test_every_route_has_a_sentence() -> None:
    assert [name(route) for route in all_routes() if not (route.endpoint.__doc__ or "").strip()] == []


def test_every_api_route_is_described() -> None:
    api = [route for route in all_routes() if route.path.startswith(API_PREFIXES)]
    assert [name(route) for route in api if not hasattr(route.endpoint, "__describe__")] == []


def test_every_write_takes_an_idempotency_key_or_says_why_not() -> None:
    writes = {route for route in all_routes() if route.path.startswith(API_PREFIXES) and route.method != "GET"}
    assert {name(r) for r in writes if not hasattr(r.endpoint, "__idempotency__")} == WITHOUT_A_KEY.keys()


def test_every_list_pages() -> None:
    """A reply with `next` has the query parameters that lead there."""
    wanting = []
    for route in all_routes():
        said = getattr(route.endpoint, "__describe__", None)
        if (
            route.method == "GET"
            and said
            and said.reply
            and "next" in said.reply.model_fields
            and "cursor" not in said.query
        ):
            wanting.append(name(route))
    assert wanting == []


def test_the_simulators_are_in_the_demo_alone() -> None:
    demo = {name(route) for route in all_routes()}
    for mode in (Mode.PRODUCTION, Mode.TEST):
        extra = demo - {name(route) for route in wiring.routes(settings_for(mode))}
        assert "GET /v1/demo/outbox" in extra
        assert all("/demo/" in route for route in extra)


def test_openapi_says_how_a_body_or_a_cursor_is_refused() -> None:
    wanting = []
    for path, operations in document(all_routes())["paths"].items():
        for method, said in operations.items():
            due = (
                {"400", "413", "415"} if "application/json" in said.get("requestBody", {}).get("content", {}) else set()
            )
            due |= {"400"} if "cursor" in [each["name"] for each in said.get("parameters", [])] else set()
            if due - said["responses"].keys():
                wanting.append(f"{method} {path}")
    assert wanting == []


def test_openapi_has_the_token_endpoints_own_refusals_beside_the_problems() -> None:
    responses = document(all_routes())["paths"]["/oauth/token"]["post"]["responses"]
    assert responses["400"]["content"].keys() == {"application/problem+json", "application/json"}
    assert responses["401"]["content"].keys() == {"application/json"}


def test_the_committed_openapi_document_is_what_the_program_prints() -> None:
    committed = json.loads((ROOT / "docs" / "openapi.json").read_text())
    printed = document(wiring.routes(settings_for(Mode.PRODUCTION)))
    assert committed == json.loads(json.dumps(printed)), "run `make docs`"


async def test_every_model_has_its_migration() -> None:
    assert await missing_migrations(settings_for(Mode.TEST)) == []


@pytest.mark.parametrize("problem", all_problems(), ids=lambda problem: problem.code)
def test_every_problem_says_what_happened_and_what_comes_next(problem: type[Problem]) -> None:
    assert 400 <= problem.status < 600
    assert problem.code == problem.code.lower()
    title = problem.title()
    assert title.endswith((".", "?", "!"))
    assert len(title) > 15
