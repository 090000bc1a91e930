"""A program that others wrote shows a code on a screen, and a resident lets it in with her phone (RFC 8628)."""

import pytest

from tests.relying_parties.conftest import Register, Served
from tests.relying_parties.programs import NodeProgram, Program, Refused

Programs = dict[str, Program]


@pytest.fixture
def certified(programs: Programs) -> NodeProgram:
    program = programs["openid-client"]
    assert isinstance(program, NodeProgram)
    return program


@pytest.mark.parametrize("alg", [None, "ES256", "Ed25519"])
def test_a_screen_knows_who_scanned_its_code_and_entered_its_number(
    served: Served, register: Register, certified: NodeProgram, alg: str | None
) -> None:
    resident, screen = served.resident(), certified.shows(register(alg, device_flow=True))
    resident.in_front_of(screen.shows["verification_uri_complete"], screen.shows["banyan_number"])
    login = screen.hears()
    assert login.scope.split() == ["openid", "phone", "profile"]
    assert login.claims["sub"] == login.userinfo["sub"]
    assert login.userinfo["phone_number"] == resident.phone


def test_a_screen_that_shows_what_the_rfc_has_and_no_more_needs_no_more(
    served: Served, register: Register, certified: NodeProgram
) -> None:
    resident, screen = served.resident(), certified.shows(register(device_flow=True))
    resident.in_front_of(screen.shows["verification_uri"], screen.shows["user_code"])
    assert screen.hears().userinfo["phone_number"] == resident.phone


def test_a_screen_hears_a_no(served: Served, register: Register, certified: NodeProgram) -> None:
    screen = certified.shows(register(device_flow=True))
    served.resident("deny").in_front_of(screen.shows["verification_uri_complete"], screen.shows["banyan_number"])
    with pytest.raises(Refused) as refused:
        screen.hears()
    assert refused.value.error == "access_denied"


def test_whoever_sends_others_the_code_of_their_own_screen_is_let_in_by_nobody(
    served: Served, register: Register, certified: NodeProgram
) -> None:
    screen = certified.shows(register(device_flow=True))
    guess = "10" if screen.shows["banyan_number"] != "10" else "11"
    victim = served.resident()
    ends = victim.in_front_of(screen.shows["verification_uri_complete"], guess)
    assert not ends.startswith("/device/requests/")
    with pytest.raises(Refused) as refused:
        screen.hears()
    assert refused.value.error == "access_denied"


def test_a_client_without_screens_gets_no_code(register: Register, certified: NodeProgram) -> None:
    with pytest.raises(Refused) as refused:
        certified.shows(register())
    assert refused.value.error == "unauthorized_client"
