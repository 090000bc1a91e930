"""A closed account gives no token by any path: whatever was in hand before, and whatever is tried after."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app_server import wiring
from app_server.identity.locks import ERASED
from app_server.kernel.ids import uuid7
from tests.actors import Person
from tests.authenticator import Authenticator
from tests.authorization.conftest import provider_of
from tests.authorization.relying_parties import Browser, question, tokens, told
from tests.authorization.test_client_sessions import Keyed
from tests.authorization.test_client_sessions import sent as posted
from tests.city import City
from tests.factories import consent, publish
from tests.identity.test_passkeys import added, asked_to_sign_in, sent
from tests.identity.test_refresh import renewed
from tests.identity.test_sign_in import ask

LIBRARY_SCOPES = ("profile:read", "cards:issue", "notices:send")
LIN, OPERATOR = "+8613800000001", "+8613800000002"
WORDS = {"locked": "account_locked", "suspended": "account_suspended", "deceased": "account_of_deceased"}

Try = Callable[[], Awaitable[httpx2.Response]]


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person(LIN)


@pytest.fixture
async def operator(city: City) -> Person:
    return await city.person(OPERATOR, roles=("operator",))


async def stands(operator: Person, lin: Person, standing: str) -> httpx2.Response:
    body = {"standing": standing, "reason": "seen at the counter"}
    return await operator.http.put(f"/v1/operator/residents/{lin.id}/standing", json=body)


async def paths(city: City, lin: Person) -> Mapping[str, Try]:
    """Every path to a token, half gone already."""
    provider = await provider_of(city, "Fuzhou Clinic", "+8613800000003")
    clinic = Keyed(city)
    await clinic.register(provider)
    await publish(city)
    await consent(city, lin, LIBRARY_SCOPES)
    asks, browser = question(clinic.id, scope="openid profile offline_access"), Browser(city, lin)
    allowed = told(await browser.presses(await browser.asks(asks), answer="allow"))["code"]
    held = (await tokens(city, clinic.id, allowed, **clinic.proof())).json()
    half = told(await browser.asks(asks))["code"]
    device = Authenticator()
    assert (await added(lin, device)).status_code == 201
    asked = await asked_to_sign_in(city)
    challenge = await ask(city, LIN)
    code = await city.last_code(LIN)

    async def by_code() -> httpx2.Response:
        async with city.browser() as http:
            return await http.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": code})

    async def by_cookie(path: str) -> httpx2.Response:
        async with city.browser(cookie=f"banyan_session={lin.cookie}", origin=city.settings.base_url) as http:
            return await (http.get if path.startswith("/v1") else http.post)(path)

    async def of_client(path: str) -> httpx2.Response:
        async with city.browser(authorization=f"Bearer {held['access_token']}") as http:
            return await http.get(path)

    async def renew() -> httpx2.Response:
        status, body = await renewed(lin)
        return httpx2.Response(status, json=body)

    async def ask_about(which: str) -> httpx2.Response:
        said = await posted(city, "/oauth/introspect", token=held[which], **clinic.proof())
        return httpx2.Response(200 if said.json()["active"] else 401, json=said.json())

    return {
        "code": by_code,
        "passkey": lambda: sent(city, asked, device.signs(asked["public_key"])),
        "refresh": renew,
        "cookie": lambda: by_cookie("/v1/me"),
        "bearer": lambda: lin.get("/v1/me"),
        "launch": lambda: lin.post("/v1/miniapps/library/launch"),
        "another passkey": lambda: lin.post("/v1/passkeys/challenges"),
        "a client's code": lambda: tokens(city, clinic.id, half, **clinic.proof()),
        "introspection": lambda: ask_about("access_token"),
        "introspection of what renews": lambda: ask_about("refresh_token"),
        "a client's refresh": lambda: posted(
            city,
            "/oauth/token",
            grant_type="refresh_token",
            refresh_token=held["refresh_token"],
            **clinic.proof(),
        ),
        "userinfo": lambda: of_client("/oauth/userinfo"),
        "authorize": lambda: Browser(city, lin).asks(question(clinic.id, scope="openid", prompt="none")),
    }


@pytest.mark.parametrize("standing", ["locked", "suspended", "deceased", "deleted"])
async def test_no_path_leads_to_a_token(city: City, lin: Person, operator: Person, standing: str) -> None:
    every = await paths(city, lin)
    answer = await stands(operator, lin, standing)
    assert (answer.status_code, answer.json()["standing"]) == (200, standing)
    await asyncio.sleep(2)  # until every process has heard of it
    answers = {name: await go() for name, go in every.items()}
    opened = {name: got.text for name, got in answers.items() if got.status_code < 300 and name != "authorize"}
    assert opened == {}
    assert told(answers["authorize"])["error"] == "login_required"
    said = answers["code"].json()["code"], answers["passkey"].json()["code"]
    assert said == ((WORDS[standing],) * 2 if standing in WORDS else ("challenge_over", "passkey_not_accepted"))


async def test_while_the_account_is_open_every_path_leads_there(city: City, lin: Person) -> None:
    """So that the test above says something."""
    answers = {name: await go() for name, go in (await paths(city, lin)).items()}
    closed = {name: got.text for name, got in answers.items() if got.status_code >= 400 and name != "launch"}
    assert closed == {}
    assert answers["launch"].status_code in (502, 503, 504)  # nobody listens there, but it was asked


async def test_who_does_not_know_the_code_is_told_nothing_of_the_account(
    city: City, lin: Person, operator: Person
) -> None:
    await stands(operator, lin, "deceased")
    challenge = await ask(city, LIN)
    async with city.browser() as http:
        answer = await http.post("/v1/sign-in/sessions", json={"challenge_id": challenge, "code": "000 000"})
    assert answer.json()["code"] == "code_not_accepted"


async def test_all_but_a_deletion_can_be_undone(city: City, lin: Person, operator: Person) -> None:
    for standing in ("locked", "suspended", "deceased", "open"):
        assert (await stands(operator, lin, standing)).json()["standing"] == standing
    await lin.sign_in()
    assert (await stands(operator, lin, "deleted")).json() == {
        "id": lin.id,
        "phone_masked": None,
        "standing": "deleted",
    }
    again = await stands(operator, lin, "open")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert (await stands(operator, lin, "deleted")).status_code == 200


async def test_each_act_at_the_counter_stands_in_the_audit_once(city: City, lin: Person, operator: Person) -> None:
    found = await operator.post("/v1/operator/residents/search", json={"phone": "138 0000 0001"})
    assert found.json() == {"id": lin.id, "phone_masked": "138****0001", "standing": "open"}
    nobody = await operator.post("/v1/operator/residents/search", json={"phone": "13811112222"})
    assert nobody.status_code == 404
    await asyncio.gather(*(stands(operator, lin, "suspended") for _ in range(10)))
    await stands(operator, lin, "open")
    rows = await city.rows("SELECT actor_kind, actor_id, action FROM core_audit_entry WHERE subject LIKE 'resident:%'")
    acts = [row["action"] for row in rows if row["actor_id"] == operator.id]
    assert acts == ["resident.looked_up", "resident.suspended", "resident.unlocked"]
    stranger = await operator.http.put(
        f"/v1/operator/residents/{uuid7()}/standing", json={"standing": "locked", "reason": "fraud"}
    )
    assert stranger.status_code == 404


async def test_a_deleted_account_leaves_nothing_personal_and_its_number_is_free(
    city: City, lin: Person, operator: Person
) -> None:
    await paths(city, lin)
    await lin.patch("/v1/me", json={"district_code": None})
    await stands(operator, lin, "deleted")
    await city.work()
    for column in wiring.sealed(city.settings):
        named = await city.rows(
            "SELECT 1 FROM information_schema.columns WHERE table_name = $1 AND column_name = 'resident_id'",
            column.table,
        )
        key = "resident_id" if named else "id"
        if named or column.table == "core_resident":
            left = f"SELECT 1 FROM {column.table} WHERE {key} = $1 AND {column.column} IS NOT NULL"
            assert (column.table, await city.rows(left, UUID(lin.id))) == (column.table, [])
    assert not await city.rows(
        "SELECT 1 FROM core_consent WHERE withdrawn_at IS NULL AND resident_id = $1", UUID(lin.id)
    )
    before = lin.id
    await lin.sign_in()
    assert lin.id != before
    assert (await lin.get("/v1/me")).json()["name"] is None


KEPT = {  # tables with a resident in them that a deletion leaves as they are, and why
    "core_consent": "withdrawn by the reaction: what was allowed, and when, can be asked for afterwards",
    "core_launch_code": "over after a minute, removed by the clock",
    "core_logout_notice": "services hear that it is over; which ones were used, removed by the clock after thirty days",
    "personal_space_ledger_entry": "who looked, and at what: names of fields, no values",
    "card_wallet_presentation": "what readers answer for: names of fields, no values",
    "card_wallet_card": "removed by the wallet's reaction",
    "notifications_message": "removed by the notices' reaction",
    "notifications_inbox": "removed by the notices' reaction",
}


async def test_every_table_with_a_resident_in_it_is_erased_or_says_why_not(city: City) -> None:
    rows = await city.rows("SELECT table_name FROM information_schema.columns WHERE column_name = 'resident_id'")
    assert {row["table_name"] for row in rows} - ERASED.keys() == KEPT.keys()


async def test_the_dead_keep_no_service_going(city: City, lin: Person, operator: Person) -> None:
    await publish(city)
    await consent(city, lin, ["profile:read", "notices:send"])
    await stands(operator, lin, "deceased")
    await city.work()
    assert not await city.rows("SELECT 1 FROM core_consent WHERE withdrawn_at IS NULL")
    rows: list[Any] = await city.rows("SELECT payload FROM core_outbox_event WHERE name = 'consent_withdrawn'")
    assert len(rows) == 2
