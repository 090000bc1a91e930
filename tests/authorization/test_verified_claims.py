"""Verified claims say who verified, when and by what (OpenID Identity Assurance 1.0), where the resident allows it."""

import dataclasses
import re
from typing import Any, cast
from uuid import UUID

import pytest

from app_server.authorization.claims import TRUST_FRAMEWORK
from app_server.identity.outside.answers import Person as Verified
from app_server.identity.outside.providers import OutsideProviders, OutsideState
from app_server.identity.proofing.proofs import prove_by_provider
from app_server.kernel.outside_providers import Described, OutsideProvider
from tests.actors import Person
from tests.authorization.relying_parties import PROMISE, Browser, registered, told
from tests.authorization.test_claims import allowed, asking, inside
from tests.authorization.test_client_sessions import name_seen
from tests.city import City
from tests.identity.proofing.test_proofs import Book, checks

SCOPES = ("claim:verified_name", "claim:verified_birthdate", "claim:identity_level")
CARD = {"name": "林依婷", "evidence": "id_card", "document_number": "11010519491231002X"}
ANY = {"verification": {"trust_framework": None}}


@pytest.fixture
async def clinic(provider: Person) -> str:
    return await registered(provider, scopes=[{"scope": scope, "required": False, **PROMISE} for scope in SCOPES])


@pytest.fixture
async def seen(city: City, lin: Person) -> Person:
    """Lin, after an officer has seen her with her card."""
    operator = await city.person("+8613800000002", "陈立", roles=("operator",))
    answer = await operator.post(f"/v1/operator/residents/{lin.id}/identity", json=CARD)
    assert answer.status_code == 200, answer.text
    return lin


def has_the_form_of_the_standard(answer: Any, discovery: Any) -> None:
    """What OpenID Identity Assurance 1.0 orders of `verified_claims`, by hand, and what discovery promises."""
    assert set(answer) == {"verification", "claims"}
    verification, claims = answer["verification"], answer["claims"]
    assert verification["trust_framework"] in discovery["trust_frameworks_supported"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", verification["time"])
    assert isinstance(verification["assurance_level"], str)
    assert verification["evidence"], "an array has a member"
    for evidence in verification["evidence"]:
        assert evidence["type"] in discovery["evidence_supported"]
        for check in evidence["check_details"]:
            assert isinstance(check["check_method"], str)
            assert isinstance(check["organization"], str)
        if evidence["type"] == "document":
            assert evidence["document_details"]["type"] in discovery["documents_supported"]
            assert evidence["check_details"][0]["check_method"] in discovery["documents_check_methods_supported"]
        else:
            assert evidence["record"]["type"] in discovery["electronic_records_supported"]
    assert claims
    assert set(claims) <= set(discovery["claims_in_verified_claims_supported"])


async def discovery(city: City) -> Any:
    async with city.browser() as http:
        return (await http.get("/.well-known/openid-configuration")).json()


async def test_who_was_seen_in_person_is_told_of_as_the_standard_orders(city: City, clinic: str, seen: Person) -> None:
    wanted = {"verified_claims": {**ANY, "claims": {"name": None, "birthdate": {"essential": True}}}}
    browser = Browser(city, seen)
    body = await allowed(city, clinic, browser, {"userinfo": wanted, "id_token": wanted}, *SCOPES)
    said = (await name_seen(city, body["access_token"])).json()
    for answer in (said["verified_claims"], inside(body["id_token"])["verified_claims"]):
        has_the_form_of_the_standard(answer, await discovery(city))
        assert answer["claims"] == {"name": "林依婷", "birthdate": "1949-12-31"}
        assert answer["verification"]["assurance_level"] == "urn:banyan:ial:3"
    assert "identity_level" not in said  # it was not asked for
    looks = (await seen.get("/v1/ledger")).json()["items"]
    assert {field for look in looks for field in look["fields"]} == {"verified_name", "birthdate"}


async def test_the_register_is_named_as_the_evidence_it_is(city: City, clinic: str, lin: Person) -> None:
    city.state["ports"] = dataclasses.replace(city.state["ports"], register=Book())
    assert (await checks(lin)).status_code == 200
    wanted = {"userinfo": {"verified_claims": [{**ANY, "claims": {"name": None}}], "identity_level": None}}
    body = await allowed(city, clinic, Browser(city, lin), wanted, *SCOPES)
    said = (await name_seen(city, body["access_token"])).json()
    has_the_form_of_the_standard(said["verified_claims"], await discovery(city))
    assert (said["verified_claims"]["claims"], said["identity_level"]) == ({"name": "林依婷"}, "urn:banyan:ial:2")


async def test_an_outside_provider_is_named_as_who_verified(city: City, clinic: str, lin: Person) -> None:
    described = {"id": "p", "issuer": "https://id.example", "client_id": "c", "name": {"en": "Province", "zh-CN": "省"}}
    said = Described.model_validate(described | {"evidence": "civil_register"})
    provider = OutsideProvider(said=said, key=None, secret="s")
    outside = cast(OutsideState, city.state)
    outside["outside_providers"] = OutsideProviders({"p": provider}, allow_loopback=False)
    person = Verified(subject="s", name="林依婷", birthdate=None, id_number=None)
    await prove_by_provider(UUID(lin.id), person, provider, state=city.state)
    wanted = {"userinfo": {"verified_claims": [{**ANY, "claims": {"name": None}}]}}
    body = await allowed(city, clinic, Browser(city, lin), wanted, "claim:verified_name")
    for organization, record in (("Province", "civil_register"), ("Fuzhou", "digital_identity")):
        found = (await name_seen(city, body["access_token"])).json()["verified_claims"]
        has_the_form_of_the_standard(found, await discovery(city))
        (evidence,) = found["verification"]["evidence"]
        assert evidence["check_details"] == [{"check_method": "auth", "organization": organization}]
        assert evidence["record"] == {"type": record}
        outside["outside_providers"] = OutsideProviders({}, allow_loopback=False)  # the city knows it no more


async def test_only_what_she_allows_and_only_what_was_verified_is_told(
    city: City, clinic: str, seen: Person, lin: Person
) -> None:
    wanted = {"userinfo": {"verified_claims": {**ANY, "claims": {"name": None, "birthdate": None}}}}
    body = await allowed(city, clinic, Browser(city, seen), wanted, "claim:verified_birthdate")
    said = (await name_seen(city, body["access_token"])).json()
    assert said["verified_claims"]["claims"] == {"birthdate": "1949-12-31"}
    await city.execute("UPDATE core_identity_proof SET revoked_at = now()")
    assert "verified_claims" not in (await name_seen(city, body["access_token"])).json()


async def test_a_framework_that_is_not_ours_gets_nothing(city: City, clinic: str, seen: Person) -> None:
    for framework, asked in (({"value": "eidas"}, False), ({"values": ["eidas", TRUST_FRAMEWORK]}, True)):
        wish = {"verification": {"trust_framework": framework}, "claims": {"name": None}}
        page = await Browser(city, seen).asks(asking(clinic, {"userinfo": {"verified_claims": wish}}))
        assert ("verified name" in page.text) is asked


@pytest.mark.parametrize(
    "wish",
    [1, "name", [[]], {"claims": {"name": None}}, {"verification": {}, "claims": {}}, {**ANY, "claims": ["name"]}, ANY],
)
async def test_what_is_no_such_wish_is_refused(city: City, clinic: str, lin: Person, wish: Any) -> None:
    answer = told(await Browser(city, lin).asks(asking(clinic, {"userinfo": {"verified_claims": wish}})))
    assert (answer["error"], "verified_claims" in answer["error_description"]) == ("invalid_request", True)
