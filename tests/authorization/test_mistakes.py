"""A provider reads what was wrong in the requests of their client."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from app_server.authorization import mistakes
from tests.actors import Person
from tests.authorization.conftest import provider_of
from tests.authorization.relying_parties import Browser, question, registered, tokens
from tests.city import City


async def errors_of(city: City, provider: Person, client_id: str) -> list[dict[str, Any]]:
    await mistakes.mistakes_of(city.state).write()
    answer = await provider.get(f"/v1/provider/clients/{client_id}/errors")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def test_errors_are_there_with_the_address_and_the_words_that_the_client_heard(
    city: City, provider: Person
) -> None:
    client_id = await registered(provider)
    await Browser(city).asks(question(client_id, code_challenge_method="plain"))
    await Browser(city).asks(question(client_id, redirect_uri="https://elsewhere.example/"))
    await tokens(city, client_id, "no such code")
    found = await errors_of(city, provider, client_id)
    assert [(each["endpoint"], each["error"]) for each in found] == [
        ("/oauth/token", "invalid_grant"),
        ("/authorize", "invalid_request"),
        ("/authorize", "invalid_request"),
    ]
    assert found[2]["description"] == "code_challenge_method must be S256"
    assert "elsewhere" not in json.dumps(found)


async def test_an_assertion_says_whose_request_it_is(city: City, provider: Person) -> None:
    client_id = await registered(provider)
    header, claims = {"alg": "none", "\u0000": 1}, {"sub": client_id}
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    forged = {"client_assertion": ".".join([*parts, "AAAA"]), "client_assertion_type": "wrong", "client_id": None}
    await tokens(city, client_id, "code", **forged)
    assert [each["error"] for each in await errors_of(city, provider, client_id)] == ["invalid_client"]


async def test_the_newest_are_kept_and_a_flood_costs_little(
    city: City, provider: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistakes, "KEPT", 15)
    client_id = await registered(provider)
    for _ in range(3):
        for _ in range(20):
            await tokens(city, client_id, "no such code")
        await mistakes.mistakes_of(city.state).write()
    written = await city.rows("SELECT 1 FROM core_client_error WHERE client_id = $1", client_id)
    assert len(written) == 15


async def test_errors_of_another_organisations_client_are_not_there_and_go_with_the_client(
    city: City, provider: Person
) -> None:
    client_id = await registered(provider)
    await tokens(city, client_id, "no such code")
    await tokens(city, "c-nobody", "no such code")
    assert len(await errors_of(city, provider, client_id)) == 1
    stranger = await provider_of(city, "Fuzhou Pharmacy", "+8613800000004")
    refused = await stranger.get(f"/v1/provider/clients/{client_id}/errors")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    await provider.delete(f"/v1/provider/clients/{client_id}")
    assert await city.rows("SELECT 1 FROM core_client_error") == []


async def test_an_answer_does_not_wait_for_the_note(
    city: City, provider: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(_: mistakes.Mistakes) -> None:
        raise ConnectionError

    client_id = await registered(provider)
    monkeypatch.setattr(mistakes.Mistakes, "write", fails)
    assert (await tokens(city, client_id, "no such code")).json()["error"] == "invalid_grant"
