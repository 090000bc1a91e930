"""A provider registers the programs that sign residents in with the city's login."""

import asyncio
from typing import Any

import pytest
from banyan_sdk.manifest import AppId
from pydantic import TypeAdapter, ValidationError

from app_server.authorization import clients
from app_server.authorization.client_secrets import proves
from app_server.authorization.registered import RegisteredClients, kept
from app_server.client_acts import close_client, give_client_secret
from app_server.kernel.problems import TemporarilyUnavailable
from app_server.kernel.settings import Settings, SettingsError
from tests.actors import Person
from tests.authorization.conftest import provider_of
from tests.authorization.relying_parties import CLINIC, PLACE, registered
from tests.city import City, open_city
from tests.gateway.neighbours import eventually

KEY = {"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
PATH = "/v1/provider/clients"


async def test_a_provider_registers_sees_changes_and_removes_a_client_and_each_act_is_audited(
    city: City, provider: Person
) -> None:
    made = await provider.post(PATH, json={**CLINIC, "proof": "private_key_jwt", "public_keys": [KEY]})
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    client_id = made.json()["client_id"]
    assert (await provider.get(PATH)).json() == {"items": [made.json()], "next": None}
    changed = await provider.http.put(
        f"{PATH}/{client_id}",
        json={**CLINIC, "redirect_uris": [PLACE, "https://clinic.example/2"]},
        headers={"if-match": '"1"'},
    )
    assert (changed.status_code, changed.headers["etag"], changed.json()["proof"]) == (200, '"2"', "none")
    stale = await provider.http.put(f"{PATH}/{client_id}", json=CLINIC, headers={"if-match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    assert (await provider.get(f"{PATH}/{client_id}")).json() == changed.json()
    assert [(await provider.delete(f"{PATH}/{client_id}")).status_code for _ in range(2)] == [204, 404]
    assert (await provider.get(PATH)).json()["items"] == []
    acts = await city.rows("SELECT action FROM core_audit_entry WHERE subject = $1 ORDER BY id", f"client:{client_id}")
    assert [act["action"] for act in acts] == ["client.registered", "client.changed", "client.removed"]


async def test_a_change_is_known_to_a_process_that_only_looks(city: City, provider: Person) -> None:
    client_id = await registered(provider)
    held = city.state["ports"].clients.find(client_id)
    assert held is not None
    assert held.redirect_uris == {PLACE}
    await provider.http.put(f"{PATH}/{client_id}", json={**CLINIC, "redirect_uris": ["https://clinic.example/2"]})
    await eventually(lambda: city.state["ports"].clients.find(client_id) is not held, within=5)
    changed = city.state["ports"].clients.find(client_id)
    assert changed is not None
    assert changed.redirect_uris == {"https://clinic.example/2"}
    await provider.delete(f"{PATH}/{client_id}")
    await eventually(lambda: city.state["ports"].clients.find(client_id) is None, within=5)


async def test_a_process_knows_the_clients_from_its_start_and_denies_none_before(city: City, provider: Person) -> None:
    client_id = await registered(provider)
    async with kept() as clients:
        assert clients.find(client_id)
    with pytest.raises(TemporarilyUnavailable):
        RegisteredClients().find(client_id)


async def test_of_a_key_only_what_verifies_is_kept(provider: Person) -> None:
    key = {**KEY, "use": "sig"}
    asked = {**CLINIC, "proof": "private_key_jwt", "public_keys": [{**key, "x5c": [2**70], "note": "x"}]}
    made = await provider.post(PATH, json=asked)
    assert (made.status_code, made.json()["public_keys"]) == (201, [key])


async def test_a_clients_id_can_be_no_mini_apps(provider: Person) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(AppId).validate_python(await registered(provider))


async def test_the_city_closes_a_client_once_and_it_is_audited(
    city: City, settings: Settings, provider: Person
) -> None:
    client_id = await registered(provider)
    with pytest.raises(SettingsError, match="Say why"):
        await close_client(settings, client_id, reason=" ")
    told = await close_client(settings, client_id, reason="it asks for codes")
    assert told == f"The client {client_id} is closed."
    with pytest.raises(SettingsError, match="is open"):
        await close_client(settings, client_id, reason="again")
    async with open_city(settings) as opened:
        acts = await opened.rows("SELECT actor_id, reason FROM core_audit_entry WHERE action = 'client.closed'")
        assert [tuple(act) for act in acts] == [("banyan client close", "it asks for codes")]
        assert opened.state["ports"].clients.find(client_id) is None


async def test_the_command_gives_a_client_a_secret_and_shows_it_once(
    city: City, settings: Settings, provider: Person
) -> None:
    client_id = await registered(provider)
    with pytest.raises(SettingsError, match="Say why"):
        await give_client_secret(settings, client_id, reason="x" * 501)
    with pytest.raises(SettingsError, match="is open"):
        await give_client_secret(settings, "c_nobody", reason="an old library")
    told = await give_client_secret(settings, client_id, reason="an old library")
    secret = told.split(": ")[1].split("\n")[0]
    async with open_city(settings) as opened:
        client = opened.state["ports"].clients.find(client_id)
        assert client is not None
        assert proves(client, secret)
        acts = await opened.rows("SELECT actor_id FROM core_audit_entry WHERE action = 'client.secret_given'")
        assert [act["actor_id"] for act in acts] == ["banyan client secret"]


async def test_another_organisations_client_is_not_there(city: City, provider: Person) -> None:
    client_id = await registered(provider)
    stranger = await provider_of(city, "Fuzhou Pharmacy", "+8613800000004")
    assert (await stranger.get(PATH)).json()["items"] == []
    answers = [
        await stranger.get(f"{PATH}/{client_id}"),
        await stranger.http.put(f"{PATH}/{client_id}", json=CLINIC),
        await stranger.delete(f"{PATH}/{client_id}"),
    ]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not_found")}


async def test_an_organisation_has_so_many_clients_also_when_they_come_at_once(
    provider: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MOST", 3)
    answers = await asyncio.gather(*(provider.post(PATH, json=CLINIC) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [400] * 5
    assert len((await provider.get(PATH)).json()["items"]) == 3


async def test_clients_come_page_by_page(provider: Person) -> None:
    for _ in range(5):
        await provider.post(PATH, json=CLINIC)
    seen: list[str] = []
    page: Any = {}
    query = {"limit": "2"}
    for _ in range(3):
        page = (await provider.get(PATH, params=query)).json()
        seen += [item["client_id"] for item in page["items"]]
        query["cursor"] = page["next"]
    assert (len(set(seen)), len(seen), page["next"]) == (5, 5, None)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"redirect_uris": []}, "/redirect_uris"),
        *(
            ({"redirect_uris": [PLACE, uri]}, "/redirect_uris/1")
            for uri in (
                *("http://clinic.example/back", "https://clinic.example/#x", "https://u:p@clinic.example/", "/back"),
                *("https://*.clinic.example/", "javascript:alert(1)", "data:text/html,x", "https:///x", "https://"),
                *("https://clinic.example/a b", "https://clinic.example/é", "https://" + "x" * 300, "myapp:/x"),
                *("http://localhost:8000/", "http://localhost:8000/me", "https://[::1", "https://h:port/"),
                *(
                    "http://LOCALHOST:08000/",
                    "https://h:/x",
                    "https://h/?",
                    "https://h/?a=1&%73tate",
                    "https://h/?error=",
                ),
            )
        ),
        ({"proof": "client_secret_basic"}, "/proof"),
        ({"proof": "private_key_jwt"}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [KEY, KEY]}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [KEY | {"d": "x"}]}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [KEY | {"d": ""}]}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [KEY | {"use": 2**70}]}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [KEY | {"kid": "\0"}]}, "/public_keys"),
        ({"proof": "private_key_jwt", "public_keys": [{"kty": "RSA", "kid": "1"}]}, "/public_keys"),
        ({"public_keys": [KEY]}, "/public_keys"),
        ({"name": {"en": "Clinic"}}, "/name/zh-CN"),
        ({"name": {"en": "Cli\u202enic", "zh-CN": "诊所"}}, "/name/en"),
        ({"scopes": CLINIC["scopes"] * 2}, "/scopes"),
        ({"scopes": [{**CLINIC["scopes"][0], "scope": "everything"}]}, "/scopes/0/scope"),
        ({"secret": "x"}, "/secret"),
    ],
)
async def test_what_cannot_be_registered_is_told_by_its_place(
    city: City, provider: Person, changes: dict[str, Any], pointer: str
) -> None:
    refused = await provider.post(PATH, json={**CLINIC, **changes})
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
    assert pointer in [error["pointer"] for error in refused.json()["errors"]]
    assert await city.rows("SELECT 1 FROM core_registered_client") == []


@pytest.mark.parametrize(
    ("uri", "proof"),
    [
        ("https://clinic.example/back?tenant=1", "none"),
        ("https://clinic.example:8443/", "none"),
        ("http://127.0.0.1:8080/back", "none"),
        ("http://[::1]:8080/back", "none"),
        ("example.clinic.app:/back", "none"),
    ],
)
async def test_places_of_web_and_native_programs_can_be_registered(provider: Person, uri: str, proof: str) -> None:
    made = await provider.post(PATH, json={**CLINIC, "redirect_uris": [uri], "proof": proof})
    assert made.status_code == 201, made.text
