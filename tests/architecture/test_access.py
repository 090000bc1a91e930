"""Every kind of actor knocks at every door: the declared ones are let in, the others told why not."""

import re
from typing import Any

from app_server import wiring
from app_server.identity import service as identity
from app_server.kernel.access import Access, Anonymous, MiniApp, Operator, Provider, Resident, Verifier
from app_server.openapi import API_PREFIXES
from tests.city import City
from tests.factories import app_token, publish, reader_token

ID = "01a201d6-f87e-77c1-af98-f0891d2b7f29"
REFUSALS = {"sign_in_required", "not_for_this_account", "insufficient_scope"}
ENDLESS = {"/v1/inbox/stream"}  # answers for as long as one listens; tested on its own


async def test_every_route_admits_whom_it_declares_and_nobody_else(city: City) -> None:
    organisation_id = await publish(city)
    resident = await city.person("+8613800000001")
    operator = await city.person("+8613800000002", roles=("operator",))
    provider = await city.person("+8613800000003", roles=("provider",))
    await identity.register_person(
        provider.phone, name="吴敏", roles=["provider"], organisation_id=organisation_id, keys=city.state["keys"]
    )
    await provider.sign_in()
    every_scope = "cards:issue notices:send profile:read"
    actors: dict[str, tuple[str | None, set[Any]]] = {
        "anonymous": (None, {Anonymous}),
        "resident": (resident.http.headers["authorization"], {Anonymous, Resident}),
        "operator": (operator.http.headers["authorization"], {Anonymous, Resident, Operator}),
        "provider": (provider.http.headers["authorization"], {Anonymous, Resident, Provider}),
        "mini-app": (f"Bearer {app_token(city, every_scope)}", {Anonymous, MiniApp}),
        "mini-app without scope": (f"Bearer {app_token(city, '')}", {Anonymous, MiniApp}),
        "reader": (f"Bearer {await reader_token(operator)}", {Anonymous, Verifier}),
    }
    wrong = []
    for route in wiring.routes(city.settings):
        if not route.path.startswith(API_PREFIXES) or route.path in ENDLESS:
            continue
        declared: Access = route.endpoint.__access__  # type: ignore[attr-defined]
        path = re.sub(r"\{\w+:uuid\}", ID, re.sub(r"\{(app_id|code)\}", "library", route.path))
        for who, (authorization, kinds) in actors.items():
            if route.path.endswith("/current") and who not in ("anonymous", "mini-app", "reader"):
                continue  # signing out would end the actor's part in this test
            if route.path == "/v1/verifiers/me" and route.method == "DELETE" and who == "reader":
                continue
            headers = {"authorization": authorization} if authorization else {}
            async with city.browser(**headers) as http:
                answer = await http.request(route.method, path, headers={"idempotency-key": "k"})
            is_json = answer.headers.get("content-type", "").endswith("json")
            code = answer.json().get("code") if is_json and answer.content else None
            expected = None
            if not kinds & set(declared.kinds):
                expected = "sign_in_required" if who == "anonymous" else "not_for_this_account"
            elif declared.scope and who == "mini-app without scope":
                expected = "insufficient_scope"
            got = code if code in REFUSALS else None
            if got != expected or answer.status_code >= 500:
                wrong.append(f"{route.method} {route.path} for {who}: {answer.status_code} {code}, expected {expected}")
    assert wrong == []


async def test_a_token_that_is_no_good_is_told_so(city: City) -> None:
    async with city.browser(authorization="Bearer eyJhbGciOiJub25lIn0.e30.") as http:
        answer = await http.get("/v1/me")
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]
