"""What a client asks at the authorization endpoint: what is wrong with it, who is told, and where nothing is sent."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from app_server.authorization import requests, service
from app_server.kernel.limits import Rate
from tests.actors import Person
from tests.authorization.relying_parties import Browser, question, told
from tests.city import City


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"login_hint": "x" * 2049}, "invalid_request"),
        ({"state": "a\nb"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"request_uri": "https://clinic.example/r"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
)
async def test_what_is_asked_wrong_is_told_to_the_client_as_the_standards_order(
    city: City, clinic: str, lin: Person, changes: dict[str, Any], error: str
) -> None:
    answer = await Browser(city, lin).asks(question(clinic, **changes))
    back = told(answer)
    assert (back["error"], back["iss"]) == (error, city.settings.base_url)
    assert back.get("state") == (None if "state" in changes else "s1")
    assert "code" not in back
    assert await city.rows("SELECT 1 FROM core_authorization_request") == []


async def test_a_parameter_that_stands_twice_is_refused_whichever_it_is(city: City, clinic: str, lin: Person) -> None:
    browser, asked = Browser(city, lin), question(clinic, max_age="9", prompt="consent")
    for name in asked:
        twice = await browser.http.get("/authorize", params=[*asked.items(), (name, asked[name])])
        if name in ("client_id", "redirect_uri"):
            assert (twice.status_code, "location" in twice.headers) == (400, False)
        else:
            assert told(twice)["error"] == "invalid_request"


async def test_nothing_is_sent_to_a_place_that_is_not_proven(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    places = [
        *("https://clinic.example/back/", "https://clinic.example/back?x=1", "https://clinic.example/Back"),
        *("http://clinic.example/back", "https://clinic.example:443/back", "https://clinic.example/back#x"),
        *("https://clinic.example.evil.example/back", "https://evil.example/back", "javascript:alert(1)", "", "x"),
        *("https://clinic.example/%62ack", "https://clinic.example//back", "https://clinic.example/x/../back"),
        *("https://u@clinic.example/back", " https://clinic.example/back", "https://clinic.example/back\t"),
    ]
    for place in places:
        answer = await browser.asks(question(clinic, redirect_uri=place))
        assert (answer.status_code, "location" in answer.headers) == (400, False), place
        assert "evil" not in answer.text
    for changes in ({"client_id": "nobody"}, {"client_id": None}, {"redirect_uri": None}):
        answer = await browser.asks(question(clinic, **changes))
        assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_a_question_may_be_posted_from_the_clients_own_page(city: City, clinic: str, lin: Person) -> None:
    browser = Browser(city, lin)
    asked = await browser.http.post("/authorize", data=question(clinic), headers={"origin": "https://clinic.example"})
    assert urlsplit(asked.headers["location"]).path.startswith("/authorize/")
    page = await browser.http.get(asked.headers["location"])
    stolen = await browser.http.post(
        page.url.path, data={"answer": "allow"}, headers={"origin": "https://evil.example"}
    )
    assert stolen.status_code == 403
    assert dict(parse_qsl(urlsplit(asked.headers["location"]).query)) == {}


async def test_strangers_do_not_fill_the_tables(
    city: City, clinic: str, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "PER_ADDRESS", Rate(most=3, per=timedelta(minutes=1)))
    browser = Browser(city, lin)
    async with city.browser() as http:
        answers = [await http.post("/oauth/par", data=question(clinic)) for _ in range(2)]
    answers += [await browser.asks(question(clinic)) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 429]
    assert len(await city.rows("SELECT 1 FROM core_authorization_request")) == 3
    city.clock.ahead = timedelta(hours=2)
    await service.forget_used(city.state)
    assert await city.rows("SELECT 1 FROM core_authorization_request") == []


@pytest.mark.parametrize("locales", [" ", "x" * 5000, "zh-CN " * 100])
async def test_languages_that_are_none_are_passed_over(city: City, clinic: str, lin: Person, locales: str) -> None:
    answer = await Browser(city, lin).asks(question(clinic, ui_locales=locales[:2000]))
    assert answer.status_code == 200


async def test_a_parameter_without_a_value_is_not_there(city: City, clinic: str, lin: Person) -> None:
    """RFC 6749 §3.1."""
    asked = question(clinic, max_age="", prompt="", nonce="", response_mode="")
    assert (await Browser(city, lin).asks(asked)).status_code == 200
    assert told(await Browser(city, lin).asks(question(clinic, response_type="")))["error"] == "invalid_request"
