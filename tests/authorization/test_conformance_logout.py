"""What the OpenID Foundation's plans for logout ask of a provider: `test_<module>`, as beside it.

Every wish is asked about on a page; "the provider must log the user out" is what happens when she presses the button.
"""

from urllib.parse import urlencode

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.actors import Person
from tests.authorization.receivers import receiver
from tests.authorization.relying_parties import Browser, question, registered, told
from tests.authorization.test_conformance import SCOPES, Party, metadata
from tests.authorization.test_logout import AFTER, goes_to
from tests.city import City


@pytest.fixture
async def party(city: City, provider: Person, lin: Person) -> Party:
    """A client that has people led back after they signed out."""
    client = await registered(provider, scopes=SCOPES, post_logout_redirect_uris=[AFTER])
    return Party(city, client, lin, Browser(city))


async def leaves(party: Party, **asked: str) -> httpx2.Response:
    """She goes to the end-session endpoint, and signs out where she is asked; what comes then."""
    http = party.browser.http
    answer = await http.get(f"/end-session?{urlencode(asked)}", follow_redirects=True)
    if answer.status_code == 200:
        assert await signed_in(party), "somebody was signed out without a question"
        answer = await http.post(answer.url.path, data={"answer": "sign_out"})
        if answer.headers.get("location", "").startswith("/"):
            answer = await http.get(answer.headers["location"])
    return answer


async def signed_in(party: Party) -> bool:
    return (await party.browser.http.get("/v1/me", headers={"accept": "application/json"})).status_code == 200


async def is_refused_or_only_out(party: Party, **asked: str) -> None:
    """Nobody is led anywhere by itself."""
    answer = await leaves(party, **asked)
    assert goes_to(answer) == ""
    assert (answer.status_code == 400) == await signed_in(party)


async def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(city: City) -> None:
    assert (await metadata(city))["end_session_endpoint"] == f"{city.settings.base_url}/end-session"


async def test_oidcc_rp_initiated_logout(party: Party) -> None:
    login = await party.logs_in()
    hint = login.body["id_token"]
    after = await leaves(party, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s9")
    assert goes_to(after) == f"{AFTER}?state=s9"
    assert not await signed_in(party)
    silent = question(party.client, prompt="none")
    assert told(await party.browser.asks(silent))["error"] == "login_required"


async def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(party: Party) -> None:
    hint = (await party.logs_in()).body["id_token"]
    await is_refused_or_only_out(party, id_token_hint=hint, post_logout_redirect_uri="https://clinic.example/other")


async def test_oidcc_rp_initiated_logout_modified_id_token_hint(party: Party) -> None:
    hint = (await party.logs_in()).body["id_token"]
    claims = jwt.decode(hint, options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"typ": "JWT"})
    await is_refused_or_only_out(party, id_token_hint=unsigned, post_logout_redirect_uri=AFTER)


async def test_oidcc_rp_initiated_logout_no_id_token_hint(party: Party) -> None:
    await party.logs_in()
    await is_refused_or_only_out(party, post_logout_redirect_uri=AFTER, client_id=party.client)


async def test_oidcc_rp_initiated_logout_no_params(party: Party) -> None:
    await party.logs_in()
    assert (await leaves(party)).status_code == 200
    assert not await signed_in(party)


async def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(party: Party) -> None:
    hint = (await party.logs_in()).body["id_token"]
    after = await leaves(party, id_token_hint=hint, state="s9")
    assert (after.status_code, goes_to(after)) == (200, "")
    assert not await signed_in(party)


async def test_oidcc_rp_initiated_logout_no_state(party: Party) -> None:
    hint = (await party.logs_in()).body["id_token"]
    assert goes_to(await leaves(party, id_token_hint=hint, post_logout_redirect_uri=AFTER)) == AFTER
    assert not await signed_in(party)


async def test_oidcc_rp_initiated_logout_only_state(party: Party) -> None:
    await party.logs_in()
    after = await leaves(party, state="s9")
    assert (after.status_code, goes_to(after)) == (200, "")
    assert not await signed_in(party)


async def test_oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri(party: Party) -> None:
    hint = (await party.logs_in()).body["id_token"]
    await is_refused_or_only_out(party, id_token_hint=hint, post_logout_redirect_uri=f"{AFTER}?foo=bar")


async def test_oidcc_rp_initiated_logout_bad_id_token_hint(party: Party, city: City) -> None:
    login = await party.logs_in()
    claims = jwt.decode(login.body["id_token"], options={"verify_signature": False})
    kid = jwt.get_unverified_header(login.body["id_token"])["kid"]
    key = generate_private_key(SECP256R1())
    forged = jwt.encode(claims, key, algorithm="ES256", headers={"typ": "JWT", "kid": kid})
    await is_refused_or_only_out(party, id_token_hint=forged, post_logout_redirect_uri=AFTER)


async def test_oidcc_backchannel_logout_discovery_endpoint_verification(city: City) -> None:
    told = await metadata(city)
    assert (told["backchannel_logout_supported"], told["backchannel_logout_session_supported"]) == (True, True)


async def test_oidcc_backchannel_rp_initiated_logout(city: City, provider: Person, lin: Person) -> None:
    async with receiver() as hears:
        client = await registered(
            provider, scopes=SCOPES, post_logout_redirect_uris=[AFTER], backchannel_logout_uri=hears.uri
        )
        party = Party(city, client, lin, Browser(city))
        login = await party.logs_in()
        after = await leaves(party, id_token_hint=login.body["id_token"], post_logout_redirect_uri=AFTER, state="s9")
        await city.work()
        assert goes_to(after) == f"{AFTER}?state=s9"
        (said,) = hears.tokens(city, client)
        assert (said["sub"], said["sid"]) == (login.claims["sub"], login.claims["sid"])
        silent = question(client, prompt="none")
        assert told(await party.browser.asks(silent))["error"] == "login_required"
