"""People who are given roles: seen by those who look, and written down."""

import asyncio
import json

from app_server.identity.service import register_person
from tests.city import City
from tests.identity.test_sign_in import PHONE


async def test_a_new_role_is_audited_once_and_changes_the_profiles_entity_tag(city: City) -> None:
    person = await city.person(PHONE)
    before = await person.get("/v1/me")
    for _ in range(2):
        await register_person(PHONE, name="林依婷", roles=["operator"], keys=city.state["keys"])
    after = await person.get("/v1/me")
    assert (before.json()["roles"], after.json()["roles"]) == ([], ["operator"])
    assert before.headers["etag"] != after.headers["etag"]
    stale = await person.patch("/v1/me", json={"elder_mode": True}, headers={"if-match": before.headers["etag"]})
    assert stale.status_code == 412
    ((action, subject, details),) = await city.rows("SELECT action, subject, details FROM core_audit_entry")
    assert (action, subject) == ("resident.roles_set", f"resident:{person.id}")
    assert json.loads(details) == {"roles": ["operator"], "organisation": None}


async def test_registering_somebody_and_a_change_of_their_profile_at_once_are_both_kept(city: City) -> None:
    person = await city.person(PHONE)
    for round in range(10):
        roles, language = (["operator"], "en") if round % 2 else ([], "zh-CN")
        await asyncio.gather(
            register_person(PHONE, name="林依婷", roles=roles, keys=city.state["keys"]),
            person.patch("/v1/me", json={"locale": language}),
        )
        seen = (await person.get("/v1/me")).json()
        assert (seen["roles"], seen["locale"]) == (roles, language)
