"""A real name verified by an outside provider: the way there and back, once, and by whoever began."""

import asyncio
import dataclasses
from base64 import b64decode
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

from app_server.identity.forgetting import forget_old_challenges
from app_server.identity.outside import checks
from app_server.kernel.unit_of_work import in_unit_of_work
from tests.actors import Person
from tests.city import City
from tests.identity.outside.conftest import Visitor, use
from tests.identity.outside.faulty import challenge_of

CHEN = "+8613800000004"


async def test_a_provider_verifies_who_one_is(city: City, lin: Visitor, tmp_path: Path) -> None:
    asked = await lin.goes()
    assert asked | {"state": "", "nonce": "", "code_challenge": ""} == {
        "client_id": "banyan",
        "response_type": "code",
        "redirect_uri": f"{city.settings.base_url}/me/identity/outside/province/back",
        "scope": "openid profile",
        "state": "",
        "nonce": "",
        "code_challenge": "",
        "code_challenge_method": "S256",
        "max_age": "600",
        "ui_locales": "en",
    }
    back = await lin.comes_back(state=asked["state"], code="the code")
    assert (back.status_code, back.headers["location"]) == (303, "/me/identity?done")
    found = (await lin.person.get("/v1/me/identity")).json()
    assert (found["level"], found["name"], found["proofs"][0]["method"]) == (2, "林依婷", "provider")
    redeemed = dict(lin.faulty.asked)["/token"]
    assert challenge_of(redeemed["code_verifier"]) == asked["code_challenge"]
    assert (redeemed["code"], redeemed["redirect_uri"]) == ("the code", asked["redirect_uri"])
    pem = (tmp_path / "province.pem").read_bytes()
    public = load_pem_private_key(pem, None).public_key()
    proof = jwt.decode(redeemed["client_assertion"], ECKey.import_key(public), algorithms=["ES256"])  # type: ignore[arg-type]
    assert proof.header == {"alg": "ES256", "typ": "JWT", "kid": "ours"}
    assert {name: proof.claims[name] for name in ("iss", "sub", "aud")} == {
        "iss": "banyan",
        "sub": "banyan",
        "aud": lin.faulty.issuer,
    }
    assert dict(lin.faulty.asked)["/userinfo"] == {"authorization": "Bearer at"}
    acts = await city.rows("SELECT actor_kind, actor_id FROM core_audit_entry WHERE action = 'identity.proven'")
    assert [tuple(row.values()) for row in acts] == [("provider", "province")]


async def test_a_secret_and_a_pushed_request_do_as_well(
    city: City, lin: Visitor, entry: dict[str, Any], tmp_path: Path
) -> None:
    own = {name: value for name, value in entry.items() if not name.startswith("key_")}
    use(city, tmp_path, own | {"secret_file": "province.secret"})
    lin.faulty.metadata = {"pushed_authorization_request_endpoint": f"{lin.faulty.issuer}/par"}
    assert await lin.goes() == {"client_id": "banyan", "request_uri": "urn:pushed:1"}
    pushed = dict(lin.faulty.asked)["/par"]
    assert b64decode(pushed["authorization"].removeprefix("Basic ")) == b"banyan:s3cret%2F%2B"
    lin.faulty.nonce = pushed["nonce"]
    assert (await lin.comes_back(state=pushed["state"])).status_code == 303
    assert await lin.level() == 2


@pytest.mark.parametrize(
    "key",
    [OKPKey.generate_key("Ed25519", {"kid": "k2"}), RSAKey.generate_key(2048, {"kid": "k2"})],
    ids=["EdDSA", "RS256"],
)
async def test_a_provider_may_sign_in_other_ways_and_change_its_key(
    city: City, lin: Visitor, key: OKPKey | RSAKey
) -> None:
    asked = await lin.goes()
    assert (await lin.comes_back(state=asked["state"])).status_code == 303
    lin.faulty.key = key
    city.clock.ahead = timedelta(minutes=1)  # the keys were read half a minute ago, and more
    chen = dataclasses.replace(lin, person=await city.person(CHEN, "陈"))
    lin.faulty.claims = {"id_number": "350102199003072640", "birthdate": None, "sub": "chen"}
    lin.faulty.userinfo = {"sub": "chen"}
    asked = await chen.goes()
    assert (await chen.comes_back(state=asked["state"])).status_code == 303
    assert await chen.level() == 2


async def test_one_person_has_one_verified_account(city: City, lin: Visitor) -> None:
    chen = dataclasses.replace(lin, person=await city.person(CHEN, "陈"))
    assert (await lin.comes_back(state=(await lin.goes())["state"])).status_code == 303
    refused = await chen.comes_back(state=(await chen.goes())["state"])
    assert (refused.status_code, "has a verified account already" in refused.text) == (409, True)
    assert (await lin.comes_back(state=(await lin.goes())["state"])).status_code == 303  # again, for herself
    assert len(await city.rows("SELECT 1 FROM core_identity_proof")) == 1


async def test_without_a_number_the_account_there_makes_one_account_here(
    city: City, lin: Visitor, entry: dict[str, Any], tmp_path: Path
) -> None:
    use(city, tmp_path, entry | {"claims": {}})
    chen = dataclasses.replace(lin, person=await city.person(CHEN, "陈"))
    assert (await lin.comes_back(state=(await lin.goes())["state"])).status_code == 303
    assert (await chen.comes_back(state=(await chen.goes())["state"])).status_code == 409
    lin.faulty.claims = lin.faulty.userinfo = {"sub": "another"}
    refused = await lin.comes_back(state=(await lin.goes())["state"])
    assert (refused.status_code, "verified as another person" in refused.text) == (409, True)


async def test_coming_back_twice_at_once_is_once(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    answers = await asyncio.gather(*(lin.comes_back(state=asked["state"]) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 7
    assert [path for path, _ in lin.faulty.asked].count("/token") == 1
    assert len(await city.rows("SELECT 1 FROM core_identity_proof")) == 1


async def test_nobody_ends_what_another_began(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    other = dataclasses.replace(lin, person=await city.person(CHEN, "陈"))
    elsewhere = dataclasses.replace(lin, person=Person(city, lin.person.phone))
    await elsewhere.person.sign_in()
    for who in (other, elsewhere):
        refused = await who.comes_back(state=asked["state"])
        assert (refused.status_code, "was begun elsewhere" in refused.text) == (409, True)
    assert (await lin.comes_back(state=asked["state"])).status_code == 303  # it is still hers


async def test_it_is_good_for_ten_minutes_and_cleared_after(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    assert asked["state"] not in str(await city.rows("SELECT c::text FROM core_outside_check c"))
    city.clock.ahead = checks.LIFE + timedelta(seconds=1)
    assert (await lin.comes_back(state=asked["state"])).status_code == 409
    city.clock.ahead = timedelta(hours=2)
    await in_unit_of_work(forget_old_challenges)({}, state=city.state)
    assert await city.rows("SELECT 1 FROM core_outside_check") == []


async def test_a_stranger_signs_in_first_and_an_unknown_provider_is_not_found(city: City, lin: Visitor) -> None:
    async with city.browser(accept="text/html") as stranger:
        back = await stranger.get("/me/identity/outside/province/back", params={"state": "s"})
        assert back.headers["location"].startswith("/sign-in")
    unknown = dataclasses.replace(lin, provider="nobody")
    assert (await unknown.presses()).status_code == 404
    assert (await unknown.comes_back(state="s")).status_code == 404


async def test_nobody_is_sent_out_without_end(city: City, lin: Visitor) -> None:
    pages = [(await lin.presses()).status_code for _ in range(checks.PER_RESIDENT.most + 1)]
    assert pages == [200] * checks.PER_RESIDENT.most + [429]


async def test_a_locked_account_is_not_verified(city: City, lin: Visitor) -> None:
    asked = await lin.goes()
    operator = await city.person("+8613800000002", "陈立", roles=("operator",))
    body = {"standing": "locked", "reason": "fraud"}

    await operator.http.put(f"/v1/operator/residents/{lin.person.id}/standing", json=body)
    assert (await lin.comes_back(state=asked["state"])).headers.get("location") != "/me/identity?done"
    assert await city.rows("SELECT 1 FROM core_identity_proof") == []
