"""Relying parties that others wrote sign residents in, unmodified, against `banyan serve`."""

from dataclasses import replace

import pytest

from tests.authorization.relying_parties import CLINIC, PROMISE
from tests.relying_parties.conftest import PLACE, STRANGER, Register, Served
from tests.relying_parties.programs import SCOPE, CameBack, NodeLogin, Program, Refused

EVERY = ("openid-client", "oidc-client-ts", "Authlib")
WITH_KEYS = ("openid-client", "Authlib")  # oidc-client-ts lives in pages, which keep no key

Programs = dict[str, Program]


@pytest.mark.parametrize("name", EVERY)
def test_a_program_without_a_key_signs_a_resident_in_and_learns_what_she_allows(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    resident = served.resident()
    begun = programs[name].begin(register())
    login = begun.finish(resident.goes(begun.url))
    assert resident.seen == ["sign-in", "sign-in", "authorize"]
    assert login.scope.split() == ["openid", "phone", "profile"]
    assert login.claims["sub"] == login.userinfo["sub"]
    assert login.userinfo["phone_number"] == resident.phone
    assert login.userinfo["phone_number_verified"] is True


@pytest.mark.parametrize("alg", ["ES256", "Ed25519"])
@pytest.mark.parametrize("name", WITH_KEYS)
def test_a_program_proves_itself_by_its_key(
    served: Served, register: Register, programs: Programs, name: str, alg: str
) -> None:
    begun = programs[name].begin(register(alg))
    login = begun.finish(served.resident().goes(begun.url))
    assert login.claims["sub"] == login.userinfo["sub"]


@pytest.mark.parametrize("name", WITH_KEYS)
def test_a_program_proves_itself_by_a_secret_that_the_city_gave_it(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    party = served.gives_secret(register(by=STRANGER))
    begun = programs[name].begin(party)
    login = begun.finish(served.resident().goes(begun.url))
    assert login.claims["sub"] == login.userinfo["sub"]
    other = programs[name].begin(replace(party, secret="cs_wrong"))
    came = served.resident().goes(other.url)
    with pytest.raises(Refused) as refused:
        other.finish(came)
    assert refused.value.error in ("invalid_client", None)  # openid-client reads the challenge, and says just that


@pytest.mark.parametrize("name", WITH_KEYS)
def test_another_key_than_the_registered_one_gets_nothing(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    party = replace(register("ES256"), key=register("Ed25519").key)
    begun = programs[name].begin(party)
    came = served.resident().goes(begun.url)
    with pytest.raises(Refused) as refused:
        begun.finish(came)
    assert refused.value.error == "invalid_client"


@pytest.mark.parametrize("pushes", [False, True], ids=["", "pushed"])
@pytest.mark.parametrize("holds", ["ES256", "Ed25519"])
@pytest.mark.parametrize("alg", [None, "ES256"], ids=["public", "private_key_jwt"])
def test_tokens_are_bound_to_the_key_that_the_program_holds(
    served: Served, register: Register, programs: Programs, alg: str | None, holds: str, pushes: bool
) -> None:
    """The program learns the nonce by itself, at each endpoint, and sends its request again (RFC 9449 §8, §9)."""
    scopes = [*CLINIC["scopes"], {"scope": "offline_access", "required": True, **PROMISE}]
    party = replace(register(alg, STRANGER, scopes=scopes, dpop_bound_access_tokens=True), holds=holds, pushes=pushes)
    begun = programs["openid-client"].begin(party, scope=f"{SCOPE} offline_access")
    assert isinstance(begun, NodeLogin)
    resident = served.resident()
    login = begun.finish(resident.goes(begun.url))
    assert login.userinfo["phone_number"] == resident.phone
    renewed = begun.program.step("renew", login=begun.number)
    assert (renewed["type"].lower(), renewed["userinfo"]["sub"]) == ("dpop", login.claims["sub"])
    assert begun.program.step("steal", login=begun.number) == {"status": 401}


def test_the_answer_comes_as_a_posted_form_where_the_program_wants_it(
    served: Served, register: Register, programs: Programs
) -> None:
    resident = served.resident()
    begun = programs["openid-client"].begin(register(), response_mode="form_post")
    came = resident.goes(begun.url)
    assert came.posted
    assert begun.finish(came).userinfo["phone_number"] == resident.phone


@pytest.mark.parametrize("name", EVERY)
def test_whoever_has_decided_once_comes_back_without_a_question(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    resident, party = served.resident(), register()
    first = programs[name].begin(party)
    subject = first.finish(resident.goes(first.url)).claims["sub"]
    silent = programs[name].begin(party, prompt="none")
    assert silent.finish(resident.goes(silent.url)).claims["sub"] == subject
    assert resident.seen == []


@pytest.mark.parametrize("name", EVERY)
def test_a_program_that_may_not_ask_hears_what_is_missing(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    resident, party = served.resident(), register()
    for missing in ("login_required", "consent_required"):
        if missing == "consent_required":
            resident.signs_in()
        begun = programs[name].begin(party, prompt="none")
        came = resident.goes(begun.url)
        with pytest.raises(Refused) as refused:
            begun.finish(came)
        assert (refused.value.error, resident.seen) == (missing, [])


@pytest.mark.parametrize("name", EVERY)
def test_a_resident_who_says_no_is_nobody_to_the_program(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    begun = programs[name].begin(register())
    came = served.resident("deny").goes(begun.url)
    with pytest.raises(Refused) as refused:
        begun.finish(came)
    assert refused.value.error == "access_denied"


@pytest.mark.parametrize("name", EVERY)
def test_a_code_slipped_into_another_login_is_worth_nothing(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    """The verifier is another one, also where the thief's login is of the same program (RFC 9700 §4.5)."""
    party = register()
    hers, his = programs[name].begin(party), programs[name].begin(party)
    stolen, own = served.resident().goes(hers.url), served.resident().goes(his.url)
    with pytest.raises(Refused) as refused:
        his.finish(CameBack(members={**own.members, "code": stolen.members["code"]}))
    assert refused.value.error == "invalid_grant"


@pytest.mark.parametrize("name", EVERY)
def test_an_answer_to_a_question_that_was_never_asked_is_not_heard(
    served: Served, register: Register, programs: Programs, name: str
) -> None:
    begun = programs[name].begin(register())
    came = served.resident().goes(begun.url)
    with pytest.raises((Refused, TypeError)):  # Authlib finds no session of that state, and fails over it
        begun.finish(CameBack(members={**came.members, "state": "another"}))


@pytest.mark.parametrize("issuer", [None, "https://other.example"])
def test_an_answer_that_does_not_say_it_is_the_citys_is_not_heard(
    served: Served, register: Register, programs: Programs, issuer: str | None
) -> None:
    """Metadata promises `iss` (RFC 9207), so openid-client insists on it; the others do not look."""
    begun = programs["openid-client"].begin(register())
    came = served.resident().goes(begun.url)
    members = {**came.members, "iss": issuer}
    with pytest.raises(Refused, match="iss") as refused:
        begun.finish(CameBack(members={name: value for name, value in members.items() if value}))
    assert refused.value.error is None


def test_an_id_token_tells_how_fresh_the_sign_in_is(served: Served, register: Register, programs: Programs) -> None:
    resident, party = served.resident(), register()
    resident.signs_in()
    recent = programs["openid-client"].begin(party, max_age="600")
    signed_in = recent.finish(resident.goes(recent.url)).claims["auth_time"]
    assert resident.seen == ["authorize"]
    again = programs["openid-client"].begin(party, max_age="0")
    resident.phone = served.resident().phone  # one number gets one code a minute
    assert again.finish(resident.goes(again.url)).claims["auth_time"] >= signed_in
    assert resident.seen == ["sign-in", "sign-in", "authorize"]


def test_programs_of_one_organisation_know_a_resident_by_one_name_and_others_by_another(
    served: Served, register: Register, programs: Programs
) -> None:
    resident, subjects = served.resident(), []
    for party in (register(), register("ES256"), register(by=STRANGER)):
        begun = programs["openid-client"].begin(party)
        subjects.append(begun.finish(resident.goes(begun.url)).claims["sub"])
    assert subjects[0] == subjects[1]
    assert subjects[2] != subjects[0]


def test_a_place_with_a_query_keeps_it(served: Served, register: Register, programs: Programs) -> None:
    resident = served.resident()
    begun = programs["openid-client"].begin(register(place=f"{PLACE}?tenant=1"))
    assert resident.goes(begun.url).members["tenant"] == "1"
