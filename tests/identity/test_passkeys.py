"""A resident adds a passkey to their account and signs in with it; whoever lies about one gets nowhere."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
import webauthn
from jwt.utils import base64url_encode

from app_server.identity import passkeys
from app_server.identity.forgetting import forget_old_challenges
from app_server.identity.locks import lock_resident
from app_server.kernel.ids import uuid7
from tests.actors import Person
from tests.authenticator import PRESENT, Authenticator, Json
from tests.city import City
from tests.identity.test_own_sessions import program

LIN, CHEN = "+8613800000001", "+8613800000002"
OVER, REFUSED = (400, "passkey_challenge_over"), (400, "passkey_not_accepted")


def said(answer: httpx2.Response) -> tuple[int, str | None]:
    """Status and, of a refusal, its code."""
    return answer.status_code, answer.json().get("code") if answer.content else None


async def asked_to_register(person: Person) -> Json:
    answer = await person.post("/v1/passkeys/challenges")
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def added(person: Person, device: Authenticator, **more: Any) -> httpx2.Response:
    """The answer to a registration."""
    asked = await asked_to_register(person)
    body = {"challenge_id": asked["challenge_id"], "credential": device.makes(asked["public_key"]), **more}
    return await person.post("/v1/passkeys", json=body)


async def asked_to_sign_in(city: City) -> Json:
    async with city.browser() as browser:
        answer = await browser.post("/v1/sign-in/passkeys/challenges")
        assert answer.status_code == 201, answer.text
        return dict(answer.json())


async def sent(city: City, asked: Json, credential: Json) -> httpx2.Response:
    """The answer to a signature."""
    async with city.browser() as browser:
        body = {"challenge_id": asked["challenge_id"], "credential": credential}
        return await browser.post("/v1/sign-in/passkeys/sessions", json=body)


async def signed_in(city: City, device: Authenticator) -> httpx2.Response:
    asked = await asked_to_sign_in(city)
    return await sent(city, asked, device.signs(asked["public_key"]))


@pytest.fixture
async def lin(city: City) -> Person:
    return await city.person(LIN)


@pytest.fixture
async def phone(lin: Person) -> Authenticator:
    """Lin's phone, which has a passkey of hers."""
    device = Authenticator()
    assert (await added(lin, device)).status_code == 201
    return device


async def test_she_adds_one_and_signs_in_with_it_and_nothing_else(city: City, lin: Person) -> None:
    asked = (await asked_to_register(lin))["public_key"]
    assert asked["rp"] == {"id": "localhost", "name": "福州"}
    assert asked["user"]["name"] == "138****0001"
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert asked["attestation"] == "none"
    device = Authenticator()
    assert said(await added(lin, device, name=" My  phone "))[0] == 201
    question = await asked_to_sign_in(city)
    assert question["public_key"]["allowCredentials"] == []
    assert question["public_key"]["userVerification"] == "required"
    async with city.browser() as browser:
        body = {"challenge_id": question["challenge_id"], "credential": device.signs(question["public_key"])}
        opened = await browser.post("/v1/sign-in/passkeys/sessions", json=body)
        assert opened.status_code == 201, opened.text
        assert opened.json()["resident"]["id"] == lin.id
        assert (await browser.get("/v1/me")).json()["id"] == lin.id
        (item,) = (await browser.get("/v1/passkeys")).json()["items"]
    assert item["name"] == "My phone"
    assert item["last_used_at"] is not None


async def test_a_session_keeps_how_it_was_opened(city: City, lin: Person, phone: Authenticator) -> None:
    token = (await signed_in(city, phone)).json()["access_token"]
    async with city.browser(authorization=f"Bearer {token}") as app:
        items = (await app.get("/v1/sessions")).json()["items"]
    assert [(item["method"], item["current"]) for item in items] == [("passkey", True), ("otp", False)]


async def test_her_authenticator_is_told_which_passkeys_it_has_already(lin: Person, phone: Authenticator) -> None:
    excluded = (await asked_to_register(lin))["public_key"]["excludeCredentials"]
    assert excluded == [{"id": base64url_encode(phone.id).decode(), "type": "public-key"}]
    assert said(await added(lin, phone)) == REFUSED


async def test_she_names_lists_and_removes_them_page_by_page(lin: Person, phone: Authenticator) -> None:
    await added(lin, Authenticator(), name="Key on my ring")
    first = (await lin.get("/v1/passkeys", params={"limit": 1})).json()
    second = (await lin.get("/v1/passkeys", params={"limit": 1, "cursor": first["next"]})).json()
    assert [first["items"][0]["name"], second["items"][0]["name"], second["next"]] == ["Key on my ring", None, None]
    path = f"/v1/passkeys/{second['items'][0]['id']}"
    assert (await lin.patch(path, json={"name": "Phone"})).json()["name"] == "Phone"
    assert (await lin.patch(path, json={"name": " "})).json()["name"] is None
    assert (await lin.patch(path, json={"name": "\u202eenohP"})).status_code == 400
    assert (await lin.delete(path)).status_code == 204
    assert said(await lin.delete(path)) == said(await lin.patch(path, json={"name": "x"})) == (404, "not_found")
    assert [item["name"] for item in (await lin.get("/v1/passkeys")).json()["items"]] == ["Key on my ring"]


async def test_a_passkey_without_a_name_is_called_after_the_device_that_made_it(lin: Person) -> None:
    lin.http.headers["user-agent"] = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1"
    assert (await added(lin, Authenticator())).json()["name"] == "Safari · iPhone"


async def test_another_resident_neither_sees_nor_changes_nor_removes_hers(
    city: City, lin: Person, phone: Authenticator
) -> None:
    chen = await city.person(CHEN)
    path = f"/v1/passkeys/{(await lin.get('/v1/passkeys')).json()['items'][0]['id']}"
    async with city.browser() as stranger:
        assert (await stranger.get("/v1/passkeys")).status_code == 401
        assert (await stranger.delete(path)).status_code == 401
    assert (await chen.get("/v1/passkeys")).json()["items"] == []
    assert said(await chen.patch(path, json={"name": "mine"})) == said(await chen.delete(path)) == (404, "not_found")
    assert said(await added(chen, phone)) == REFUSED, "a credential has one owner"
    assert said(await signed_in(city, phone))[0] == 400, "the phone now says Chen, the key is Lin's"


async def test_a_challenge_of_one_resident_is_none_of_another(city: City, lin: Person) -> None:
    chen, device = await city.person(CHEN), Authenticator()
    asked = await asked_to_register(lin)
    body = {"challenge_id": asked["challenge_id"], "credential": device.makes(asked["public_key"])}
    assert said(await chen.post("/v1/passkeys", json=body)) == OVER
    assert (await lin.post("/v1/passkeys", json=body)).status_code == 201


async def test_a_challenge_for_the_one_purpose_is_none_for_the_other(
    city: City, lin: Person, phone: Authenticator
) -> None:
    to_register, to_sign_in = await asked_to_register(lin), await asked_to_sign_in(city)
    assert said(await sent(city, to_register, phone.signs(to_register["public_key"]))) == OVER
    fresh = Authenticator(handle=phone.handle)
    await city.execute("UPDATE core_passkey_challenge SET resident_id = $1 WHERE purpose = 'sign_in'", UUID(lin.id))
    options = to_register["public_key"] | {"challenge": to_sign_in["public_key"]["challenge"]}
    body = {"challenge_id": to_sign_in["challenge_id"], "credential": fresh.makes(options)}
    assert said(await lin.post("/v1/passkeys", json=body)) == OVER


async def test_a_signature_is_good_once_also_when_it_comes_twenty_times_at_once(
    city: City, phone: Authenticator
) -> None:
    asked = await asked_to_sign_in(city)
    credential = phone.signs(asked["public_key"])
    answers = await asyncio.gather(*(sent(city, asked, credential) for _ in range(20)))
    assert sorted(map(said, answers), key=str) == [(201, None), *[OVER] * 19]
    other = await asked_to_sign_in(city)
    assert said(await sent(city, other, credential)) == REFUSED, "an old signature does not answer a new challenge"


async def test_a_refused_answer_uses_the_challenge_up(city: City, phone: Authenticator) -> None:
    asked = await asked_to_sign_in(city)
    assert said(await sent(city, asked, Authenticator(handle=phone.handle).signs(asked["public_key"]))) == REFUSED
    assert said(await sent(city, asked, phone.signs(asked["public_key"]))) == OVER


async def test_a_challenge_ends_after_five_minutes_and_is_cleared_away(city: City, phone: Authenticator) -> None:
    asked = await asked_to_sign_in(city)
    assert asked["expires_in"] == 300 and asked["public_key"]["timeout"] == 300_000
    city.clock.ahead = timedelta(minutes=5, seconds=1)
    assert said(await sent(city, asked, phone.signs(asked["public_key"]))) == OVER
    await forget_old_challenges({}, state=city.state)
    assert await city.rows("SELECT 1 FROM core_passkey_challenge") == []


LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://evil.example"},
    "the origin of a mini-app": {"origin": "http://library.localhost:8000"},
    "our host over another scheme": {"origin": "https://localhost:8000"},
    "another port": {"origin": "http://localhost:9000"},
    "another relying party": {"host": "evil.example"},
    "a parent of our host": {"host": "example"},
    "a frame of another site": {"client_data": {"crossOrigin": True}},
    "a frame of another site, in other words": {"client_data": {"crossOrigin": "yes"}},
    "a page on top": {"client_data": {"crossOrigin": False, "topOrigin": "https://evil.example"}},
    "the wrong ceremony": {"client_data": {"type": "payment.get"}},
    "another challenge": {"client_data": {"challenge": "AAAA"}},
    "nobody verified": {"flags": PRESENT},
    "nobody present": {"flags": 0x04},
}


def lying(device: Authenticator, lie: str) -> Authenticator:
    for member, value in LIES[lie].items():
        setattr(device, member, value)
    return device


@pytest.mark.parametrize("lie", LIES)
async def test_a_sign_in_made_in_a_wrong_way_is_refused(city: City, phone: Authenticator, lie: str) -> None:
    assert said(await signed_in(city, lying(phone, lie))) == REFUSED


@pytest.mark.parametrize("lie", LIES)
async def test_a_registration_made_in_a_wrong_way_is_refused(lin: Person, lie: str) -> None:
    assert said(await added(lin, lying(Authenticator(), lie))) == REFUSED
    assert (await lin.get("/v1/passkeys")).json()["items"] == []


async def test_unknown_removed_and_wrongly_signed_are_told_the_same(
    city: City, lin: Person, phone: Authenticator
) -> None:
    unknown, thief = Authenticator(handle=phone.handle), Authenticator(id=phone.id, handle=phone.handle)
    refusals = [(await signed_in(city, device)).json() for device in (unknown, thief)]
    item = (await lin.get("/v1/passkeys")).json()["items"][0]
    assert (await lin.delete(f"/v1/passkeys/{item['id']}")).status_code == 204
    refusals.append((await signed_in(city, phone)).json())
    assert {said["code"] for said in refusals} == {"passkey_not_accepted"}
    assert len({tuple(sorted((k, v) for k, v in said.items() if k != "request_id")) for said in refusals}) == 1


async def test_a_key_that_nobody_has_is_looked_at_as_long_as_a_wrong_signature(
    city: City, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[bytes] = []
    verify: Callable[..., Any] = webauthn.verify_authentication_response

    def counting(**given: Any) -> Any:
        checked.append(given["credential_public_key"])
        return verify(**given)

    monkeypatch.setattr(webauthn, "verify_authentication_response", counting)
    assert said(await signed_in(city, Authenticator(handle=phone.handle))) == REFUSED
    assert len(checked) == 1


@pytest.mark.parametrize("handle", [b"", b"\0" * 16, uuid7().bytes])
async def test_a_passkey_that_names_another_resident_or_none_is_refused(
    city: City, phone: Authenticator, handle: bytes
) -> None:
    phone.handle = handle
    assert said(await signed_in(city, phone)) == REFUSED


async def test_a_counter_that_falls_back_is_refused_written_down_and_told(city: City, lin: Person) -> None:
    device = Authenticator(counter=7)
    await added(lin, device)
    assert (await signed_in(city, device)).status_code == 201
    for earlier in (0, 3, 8):  # the next signature counts 1, 4 and 9 again
        device.counter = earlier
        assert said(await signed_in(city, device)) == REFUSED
    device.counter = None
    assert said(await signed_in(city, device)) == REFUSED, "a counter does not become none"
    audited = await city.rows("SELECT action, subject FROM core_audit_entry")
    assert [row["action"] for row in audited] == ["passkey.counter_fell_back"] * 4
    await city.work()
    titles = [item["title"] for item in (await lin.get("/v1/inbox")).json()["items"]]
    assert titles.count("我们拒绝了一次通行密钥登录") == 4
    device.counter = 9
    assert (await signed_in(city, device)).status_code == 201, "she is not locked out; what to do is hers to say"


async def test_nobody_without_the_key_can_make_a_counter_fall_back(city: City, lin: Person) -> None:
    device = Authenticator(counter=7)
    await added(lin, device)
    thief = Authenticator(id=device.id, handle=device.handle, counter=1)
    assert said(await signed_in(city, thief)) == REFUSED
    assert await city.rows("SELECT 1 FROM core_audit_entry") == []


async def test_of_two_copies_that_count_the_same_at_once_one_is_let_in(city: City, lin: Person) -> None:
    device = Authenticator(counter=7)
    await added(lin, device)
    asked = [await asked_to_sign_in(city) for _ in range(8)]
    answers = []
    for each in asked:
        device.counter = 8
        answers.append(device.signs(each["public_key"]))
    opened = await asyncio.gather(*(sent(city, *pair) for pair in zip(asked, answers, strict=True)))
    assert [answer.status_code for answer in opened].count(201) == 1


async def test_a_passkey_that_does_not_count_signs_in_again_and_again(city: City, phone: Authenticator) -> None:
    assert [(await signed_in(city, phone)).status_code for _ in range(3)] == [201] * 3


async def test_two_devices_of_hers_both_open_her_account(city: City, lin: Person, phone: Authenticator) -> None:
    ring = Authenticator()
    await added(lin, ring)
    opened = [(await signed_in(city, device)).json()["resident"]["id"] for device in (phone, ring)]
    assert opened == [lin.id] * 2


async def test_a_locked_account_gets_nothing(city: City, lin: Person, phone: Authenticator) -> None:
    asked = await asked_to_register(lin)
    body = {"challenge_id": asked["challenge_id"], "credential": Authenticator().makes(asked["public_key"])}
    await city.execute("UPDATE core_resident SET locked_at = now()")  # her access token is not yet known to be over
    assert said(await lin.post("/v1/passkeys", json=body)) == (403, "account_locked")
    assert said(await signed_in(city, phone)) == (403, "account_locked")
    stranger = Authenticator(id=phone.id, handle=phone.handle)
    assert said(await signed_in(city, stranger)) == REFUSED, "only who holds the key hears that it is locked"
    assert len(await city.rows("SELECT 1 FROM core_passkey")) == 1


async def test_locking_ends_what_a_passkey_opened(city: City, lin: Person, phone: Authenticator) -> None:
    await signed_in(city, phone)
    await lock_resident(UUID(lin.id), reason="phone stolen", by="a test", now=city.clock())
    assert await city.rows("SELECT 1 FROM core_session WHERE ended_at IS NULL") == []


async def test_removing_a_passkey_ends_what_it_opened_but_not_the_session_that_removes_it(
    city: City, lin: Person, phone: Authenticator
) -> None:
    here, there = [(await signed_in(city, phone)).json()["access_token"] for _ in range(2)]
    async with (
        city.browser(authorization=f"Bearer {here}") as one,
        city.browser(authorization=f"Bearer {there}") as other,
    ):
        opened = [session["id"] for session in (await one.get("/v1/sessions")).json()["items"]]
        clinic = [await program(city, lin, session) for session in opened]  # there, here, and where the code was used
        item = (await one.get("/v1/passkeys")).json()["items"][0]
        assert (await one.delete(f"/v1/passkeys/{item['id']}")).status_code == 204
        ended = await city.rows("SELECT id::text FROM core_session WHERE ended_at IS NOT NULL")
        assert {row["id"] for row in ended} == {opened[0], clinic[0]}
        assert [(await each.get("/v1/me")).status_code for each in (one, other)] == [200, 401]
        assert (await lin.get("/v1/me")).status_code == 200, "it was opened with a code"
    known = await city.rows("SELECT 1 FROM core_known_device")
    assert len(known) == 2, "the device that was put out is news when it comes back"


async def test_she_is_told_of_a_new_passkey(city: City, lin: Person, phone: Authenticator) -> None:
    await city.work()
    (notice,) = (await lin.get("/v1/inbox")).json()["items"]
    assert (notice["title"], notice["link"], notice["app_name"]) == ("您的账号添加了通行密钥", "/me/sessions", None)


async def test_there_is_room_for_twenty(lin: Person) -> None:
    for _ in range(passkeys.MOST - 1):
        await added(lin, Authenticator())
    asked = [await asked_to_register(lin) for _ in range(6)]
    bodies = [
        {"challenge_id": each["challenge_id"], "credential": Authenticator().makes(each["public_key"])}
        for each in asked
    ]
    answers = await asyncio.gather(*(lin.post("/v1/passkeys", json=body) for body in bodies))
    assert sorted(map(said, answers), key=str) == [(201, None), *[(409, "too_many_passkeys")] * 5]
    assert said(await lin.post("/v1/passkeys/challenges")) == (409, "too_many_passkeys")


async def test_asking_has_limits_by_resident_and_by_address(
    city: City, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(passkeys.PER_RESIDENT.most):
        await asked_to_register(lin)
    refused = await lin.post("/v1/passkeys/challenges")
    assert said(refused) == (429, "too_many_requests") and int(refused.headers["retry-after"]) > 0
    monkeypatch.setitem(city.state, "settings", city.settings.model_copy(update={"codes_per_address": 1}))
    async with city.browser() as browser:
        answers = [await browser.post("/v1/sign-in/passkeys/challenges") for _ in range(passkeys.LOOKS + 1)]
    assert [answer.status_code for answer in answers] == [201] * passkeys.LOOKS + [429]


@pytest.mark.parametrize("member", ["clientDataJSON", "authenticatorData", "signature", "userHandle"])
@pytest.mark.parametrize("value", ["", "A", "AAAA", "é", "%%%", "e30", "W10", "bnVsbA", "A" * 4001, 5, None])
async def test_odd_bytes_are_refused_and_break_nothing(
    city: City, phone: Authenticator, member: str, value: Any
) -> None:
    asked = await asked_to_sign_in(city)
    credential = phone.signs(asked["public_key"])
    credential["response"][member] = value
    assert said(await sent(city, asked, credential)) in [REFUSED, (400, "validation_failed")]


@pytest.mark.parametrize("attestation", ["", "oA", "AAAA", "-w", "n____w", "o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YUA"])
async def test_an_odd_attestation_is_refused_and_breaks_nothing(lin: Person, attestation: str) -> None:
    asked = await asked_to_register(lin)
    credential = Authenticator().makes(asked["public_key"])
    credential["response"]["attestationObject"] = attestation
    body = {"challenge_id": asked["challenge_id"], "credential": credential}
    assert said(await lin.post("/v1/passkeys", json=body)) == REFUSED


async def test_names_of_passkeys_and_places_of_sessions_are_not_readable_in_the_tables(city: City, lin: Person) -> None:
    await added(lin, Authenticator(), name="Grandson's phone")
    for table in ("core_passkey", "core_session", "core_outbox_event"):
        for row in await city.rows(f"SELECT t::text AS line FROM {table} t"):
            assert "Grandson" not in row["line"] and b"Grandson".hex() not in row["line"]
