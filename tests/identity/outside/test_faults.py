"""Whatever a provider gets wrong: a kind page with a reference, a line for the operator, and nothing changed."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey

from app_server.gateway import receivers
from tests.city import City
from tests.identity.outside.conftest import Visitor
from tests.identity.outside.faulty import Faulty, b64, by_hand

SOUND = "was not sound"
AWAY = "does not answer at the moment"
OVER = "is over, or was begun elsewhere"
HOUR = 3600
STRANGE = ECKey.generate_key("P-256", {"kid": "k1"})


def claims(**changes: Any) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.claims = changes

    return spoil


def later(seconds: int, *names: str) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.claims = {name: faulty.now() + seconds for name in names}

    return spoil


def header(**changes: Any) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.header = changes
        faulty.sign = by_hand if {"alg", "crit"} & changes.keys() else faulty.sign

    return spoil


def userinfo(**changes: Any) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.userinfo = changes

    return spoil


def signed_by(key: ECKey, *, published: bool) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.published = [(key if published else faulty.key).as_dict(private=False)]
        faulty.key = key

    return spoil


def instead(path: str, answer: Callable[[], web.StreamResponse | None]) -> Callable[[Faulty], None]:
    def spoil(faulty: Faulty) -> None:
        faulty.instead[path] = answer

    return spoil


def weakly(faulty: Faulty) -> None:
    """RS256, and well signed, by a key that anybody may break."""
    weak = generate_private_key(65537, 1024)
    numbers = weak.public_key().public_numbers()
    n, e = (b64(number.to_bytes((number.bit_length() + 7) // 8)) for number in (numbers.n, numbers.e))
    faulty.published = [{"kty": "RSA", "kid": "k1", "n": n, "e": e}]

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = by_hand(header | {"alg": "RS256"}, claims).removesuffix(".")
        return f"{signed}.{b64(weak.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    faulty.sign = sign


WRONG_ANSWERS: dict[str, Callable[[Faulty], None]] = {
    "nonce of another": claims(nonce="another"),
    "no nonce": claims(nonce=None),
    "nonce that is a number": claims(nonce=7),
    "issuer of another": claims(iss="https://other.example"),
    "issuer with a slash more": lambda faulty: claims(iss=f"{faulty.issuer}/")(faulty),
    "audience of another": claims(aud="other"),
    "also for another": claims(aud=["banyan", "other"], azp="banyan"),
    "authorized party of another": claims(azp="other"),
    "expired": later(-60, "exp"),
    "issued an hour ago": later(-HOUR, "iat"),
    "issued in an hour": later(HOUR, "iat"),
    "signed in an hour ago": later(-HOUR, "auth_time"),
    "signed in in an hour": later(HOUR, "auth_time"),
    "no word of when she signed in": claims(auth_time=None),
    "time as text": claims(auth_time="now"),
    "no subject": claims(sub=None),
    "a subject without end": claims(sub="s" * 256),
    "a subject with a line end": claims(sub="lin\n"),
    "no name": claims(name=None),
    "a name that is a number": claims(name=7),
    "a name with a hidden turn": claims(name="林\u202e"),
    "a name with NUL": claims(name="林\0"),
    "a name without end": claims(name="林" * 61),
    "a birthdate that is none": claims(birthdate="1949-13-31"),
    "a birthdate that is a number": claims(birthdate=19491231),
    "a birthdate of another": claims(birthdate="1990-01-01"),
    "no number": claims(id_number=None),
    "a number that is none": claims(id_number="110105194912310021"),
    "unsigned": header(alg="none"),
    "signed with a shared secret": header(alg="HS256"),
    "signed with another algorithm's name": header(alg="EdDSA"),
    "another kind of token": header(typ="at+jwt"),
    "a header with a key's address": header(jku="https://other.example/jwks"),
    "a critical extension": header(crit=["x"], x=1),
    "no kid": header(kid=None),
    "kid of no key": header(kid="k9"),
    "signed by an old key": signed_by(ECKey.generate_key("P-256", {"kid": "old"}), published=False),
    "signed by a strange key under the same kid": signed_by(STRANGE, published=False),
    "signed by a weak key": weakly,
    "userinfo about another": userinfo(sub="chen"),
    "userinfo about nobody": userinfo(sub=None),
    "no tokens": instead("/token", lambda: web.json_response({})),
    "a token that is none": instead("/token", lambda: web.json_response({"id_token": "a.b.c", "access_token": "at"})),
    "a token that is a number": instead("/token", lambda: web.json_response({"id_token": 7})),
    "tokens that are a list": instead("/token", lambda: web.json_response([])),
    "tokens that are no JSON": instead("/token", lambda: web.Response(text="<html>")),
    "tokens refused": instead("/token", lambda: web.json_response({"error": "invalid_grant"}, status=400)),
    "tokens elsewhere": instead("/token", lambda: web.Response(status=302, headers={"location": "/jwks"})),
    "keys that are no list": instead("/jwks", lambda: web.json_response({"keys": {}})),
    "keys that are of all sorts": instead("/jwks", lambda: web.json_response({"keys": [7, {}, {"kid": "k1"}]})),
    "userinfo that is signed": instead("/userinfo", lambda: web.Response(text="a.b.c")),
}
AWAYS: dict[str, Callable[[Faulty], None]] = {
    f"{path} {name}": instead(path, answer)
    for path in ("/token", "/jwks", "/userinfo")
    for name, answer in {
        "with 500": lambda: web.Response(status=500),
        "too large": lambda: web.json_response({"x": "x" * 100_000}),
        "silent": lambda: None,
    }.items()
}
WRONG_METADATA: dict[str, Callable[[Faulty], None]] = {
    "another issuer": lambda faulty: faulty.metadata.update(issuer="https://other.example"),
    "no token endpoint": lambda faulty: faulty.metadata.update(token_endpoint=None),
    "a token endpoint that is a number": lambda faulty: faulty.metadata.update(token_endpoint=7),
    "a token endpoint without TLS": lambda faulty: faulty.metadata.update(token_endpoint="http://other.example/token"),
    "keys in a file": lambda faulty: faulty.metadata.update(jwks_uri="file:///etc/passwd"),
    "a page with a line end": lambda faulty: faulty.metadata.update(authorization_endpoint="https://a.example/\r\nx"),
    "PKCE by plain alone": lambda faulty: faulty.metadata.update(code_challenge_methods_supported=["plain"]),
    "methods that are a number": lambda faulty: faulty.metadata.update(code_challenge_methods_supported=7),
    "no JSON": instead("/.well-known/openid-configuration", lambda: web.Response(text="{")),
    "not there": instead("/.well-known/openid-configuration", lambda: web.Response(status=404)),
    "a pushed request that is refused": lambda faulty: (
        faulty.metadata.update(pushed_authorization_request_endpoint=f"{faulty.issuer}/none"),
        None,
    )[1],
}


async def nothing_changed(city: City) -> None:
    assert await city.rows("SELECT 1 FROM core_identity_proof") == []
    assert await city.rows("SELECT 1 FROM core_audit_entry WHERE action LIKE 'identity.%'") == []


def told(page: Any, sentence: str, caplog: pytest.LogCaptureFixture, event: str) -> None:
    assert sentence in page.text
    assert page.headers["x-request-id"] in page.text
    assert [record.getMessage() for record in caplog.records if record.getMessage() == event] == [event]


@pytest.mark.parametrize("fault", WRONG_ANSWERS)
async def test_a_wrong_answer_is_not_used(
    city: City, lin: Visitor, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked = await lin.goes()
    WRONG_ANSWERS[fault](lin.faulty)
    with caplog.at_level(logging.WARNING):
        page = await lin.comes_back(state=asked["state"])
    assert page.status_code == 409
    told(page, SOUND, caplog, "outside_not_trusted")
    await nothing_changed(city)


@pytest.mark.parametrize("fault", AWAYS)
async def test_a_provider_that_is_away_is_told_so(
    city: City, lin: Visitor, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receivers, "WITHIN", 0.5)
    asked = await lin.goes()
    AWAYS[fault](lin.faulty)
    with caplog.at_level(logging.WARNING):
        page = await lin.comes_back(state=asked["state"])
    assert page.status_code == 503
    told(page, AWAY, caplog, "outside_unavailable")
    await nothing_changed(city)


@pytest.mark.parametrize("fault", WRONG_METADATA)
async def test_nobody_is_sent_to_a_provider_that_says_wrong_things_of_itself(
    city: City, lin: Visitor, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    WRONG_METADATA[fault](lin.faulty)
    with caplog.at_level(logging.WARNING):
        page = await lin.presses()
    assert page.status_code == 409
    told(page, SOUND, caplog, "outside_not_trusted")
    assert await city.rows("SELECT 1 FROM core_outside_check") == []


MIXED_UP: dict[str, dict[str, str | None]] = {
    "iss of another": {"iss": "https://other.example"},
    "no iss": {"iss": None},
    "no code": {"code": None},
    "code with a line end": {"code": "c\r\nx: y"},
    "an error": {"error": "server_error"},
    "an error nobody knows": {"error": "<script>"},
}


@pytest.mark.parametrize("fault", MIXED_UP)
async def test_an_answer_that_is_mixed_up_goes_to_nobody(
    city: City, lin: Visitor, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked = await lin.goes()
    with caplog.at_level(logging.WARNING):
        page = await lin.comes_back(state=asked["state"], **MIXED_UP[fault])
    assert page.status_code == 409
    told(page, SOUND, caplog, "outside_not_trusted")
    assert "<script>alert" not in page.text and "/token" not in dict(lin.faulty.asked)
    assert (await lin.comes_back(state=asked["state"])).status_code == 409  # it is used up
    await nothing_changed(city)


async def test_who_stops_there_is_told_that_nothing_changed(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    page = await lin.comes_back(state=asked["state"], code=None, error="access_denied", error_description="<b>no</b>")
    assert (page.status_code, "or you stopped there" in page.text, "<b>no" in page.text) == (409, True, False)
    await nothing_changed(city)


@pytest.mark.parametrize("state", [None, "", "another", "\0", "s" * 5000])
async def test_a_state_that_nobody_has_is_over(city: City, lin: Visitor, state: str | None) -> None:
    await lin.goes()
    page = await lin.comes_back(state=state)
    assert (page.status_code, OVER in page.text) == (409, True)
    await nothing_changed(city)


async def test_a_parameter_that_stands_twice_is_none(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    async with lin.browser() as browser:
        query = f"state={asked['state']}&code=a&code=b&iss={lin.faulty.issuer}"
        page = await browser.get(f"/me/identity/outside/province/back?{query}")
    assert (page.status_code, SOUND in page.text) == (409, True)


async def test_keys_are_not_read_at_every_wrong_token(city: City, lin: Visitor) -> None:
    lin.faulty.header = {"kid": "k9"}
    for _ in range(4):
        asked = await lin.goes()
        assert (await lin.comes_back(state=asked["state"])).status_code == 409
    assert [path for path, _ in lin.faulty.asked].count("/jwks") == 1
    city.clock.ahead = timedelta(seconds=31)
    asked = await lin.goes()
    await lin.comes_back(state=asked["state"])
    assert [path for path, _ in lin.faulty.asked].count("/jwks") == 2
