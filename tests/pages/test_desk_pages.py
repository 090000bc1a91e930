"""The desks: each opens for its own people, and has a word for everything that it may have to show."""

import pytest

from app_server.identity import service as identity
from app_server.kernel.languages import LANGUAGES
from app_server.kernel.settings import Mode
from app_server.pages.desk_routes import SECTORS, STATES
from app_server.pages.messages import messages
from app_server.registry.lifecycle import Action, State
from app_server.registry.service import found_organisation
from card_wallet.problems import REFUSALS, CardsOffline
from tests.actors import Person
from tests.city import City

DESKS = {
    "/console": "operator",
    "/console/readers": "operator",
    "/console/audit": "operator",
    "/portal": "provider",
    "/portal/readers": "provider",
    "/portal/check": "provider",
    "/portal/clients": "provider",
}


async def provider(city: City, phone: str = "+8613900000002") -> Person:
    """Somebody who publishes for an organisation."""
    await identity.register_person(
        phone,
        name="吴敏",
        roles=["provider"],
        organisation_id=await found_organisation("Library"),
        keys=city.state["keys"],
    )
    person = Person(city, phone)
    await person.sign_in()
    return person


async def test_each_desk_opens_for_its_own_people_only(city: City) -> None:
    people = {
        "resident": await city.person(),
        "operator": await city.person("+8613900000001", roles=("operator",)),
        "provider": await provider(city),
    }
    for path, role in DESKS.items():
        for name, person in people.items():
            answer = await person.get(path)
            assert answer.status_code == (200 if name == role else 403), f"{name} at {path}"
        stranger = await city.browser().get(f"{path}?q=a&state=online")
        assert stranger.status_code == 303
        wanted = path.replace("/", "%2F") + "%3Fq%3Da%26state%3Donline"
        assert stranger.headers["location"] == f"/sign-in?next={wanted}"


async def test_who_is_at_the_wrong_desk_reads_why_in_their_language(city: City) -> None:
    resident = await city.person()
    answer = await resident.get("/console", headers={"accept-language": "en"})
    assert "This desk is not for your account" in answer.text
    answer = await resident.get("/portal", headers={"accept-language": "zh-CN"})
    assert "服务方门户供代表单位发布小程序的人员使用" in answer.text


async def test_who_is_at_the_wrong_desk_can_come_back_with_another_account(city: City) -> None:
    resident = await city.person()
    refused = await resident.get("/console")
    assert 'href="/sign-out?next=/console"' in refused.text
    asked = await resident.get("/sign-out?next=/console")
    assert 'action="/sign-out?next=/console"' in asked.text
    left = await resident.post("/sign-out?next=/console")
    assert left.headers["location"] == "/sign-in?next=%2Fconsole"


async def test_signing_out_leads_to_no_other_site(city: City) -> None:
    resident = await city.person()
    left = await resident.post("/sign-out?next=//evil.example")
    assert left.headers["location"] == "/sign-in?next=%2F"


async def test_the_reader_page_is_open_to_any_device(city: City) -> None:
    answer = await city.browser().get("/reader")
    assert answer.status_code == 200
    assert "camera=(self)" in answer.headers["permissions-policy"]


async def test_the_demos_messages_are_shown_in_the_demo_only(city: City) -> None:
    assert city.settings.mode is not Mode.DEMO
    assert (await city.browser().get("/demo/outbox")).status_code == 404
    city.state["settings"] = city.settings.model_copy(update={"mode": Mode.DEMO})
    assert (await city.browser().get("/demo/outbox")).status_code == 200


def test_the_filters_offer_every_state_of_a_listing() -> None:
    assert set(STATES) == {state.value for state in State}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_sector_and_decision_has_a_word(language: str) -> None:
    words = messages(language)
    keys = [f"desk.state.{state}" for state in STATES] + [f"sector.{sector}" for sector in SECTORS]
    keys += [f"desk.action.{action.value}" for action in Action]
    assert [key for key in keys if not isinstance(words.find(key), str)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_at_a_reader_says_what_happened_and_what_to_do(language: str) -> None:
    codes = [*(kind.code for kind in REFUSALS.values()), CardsOffline.code]
    keys = [f"reader.refused.{code}.{part}" for code in codes for part in ("what", "do")]
    assert [key for key in keys if not isinstance(messages(language).find(key), str)] == []
