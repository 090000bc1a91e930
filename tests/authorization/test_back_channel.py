"""Clients hear that sessions of theirs have ended (OpenID Connect Back-Channel Logout 1.0)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import jwt
import pytest

from app_server.authorization.redirect_uris import mistake_in_receiver
from app_server.gateway.logouts import forget_logouts
from app_server.gateway.receivers import Receivers
from app_server.gateway.site import Resting
from app_server.gateway.upstream import CallFailed, Unreachable
from app_server.kernel.ids import uuid7
from app_server.kernel.unit_of_work import in_unit_of_work
from tests.actors import Person
from tests.authorization.receivers import Receiver, receiver
from tests.authorization.relying_parties import CLINIC, PROMISE, Browser, question, registered, tokens, told
from tests.city import City

OPEN = "FROM core_session WHERE resident_id::text = $1 AND ended_at IS NULL"
SCOPES = [*CLINIC["scopes"], {"scope": "offline_access", "required": False, **PROMISE}]


@pytest.fixture
async def hears() -> AsyncIterator[Receiver]:
    async with receiver() as made:
        yield made


@pytest.fixture
async def clinic(provider: Person, hears: Receiver) -> str:
    return await registered(provider, scopes=SCOPES, backchannel_logout_uri=hears.uri)


async def signs_in(city: City, client: str, person: Person, scope: str = "openid profile") -> dict[str, str]:
    """The client's tokens."""
    browser = Browser(city, person)
    page = await browser.asks(question(client, scope=scope))
    if page.status_code == 200:
        page = await browser.presses(page, answer="allow", **{"scope:offline_access": "on"})
    body: dict[str, str] = (await tokens(city, client, told(page)["code"])).json()
    return body


async def signs_out(person: Person) -> None:
    assert (await person.delete("/v1/sign-in/sessions/current")).status_code == 204


async def pauses_are_over(city: City) -> None:
    """Between attempts."""
    await city.execute("UPDATE core_job SET run_at = now(), submitted_at = NULL WHERE state = 'waiting'")


async def shown(person: Person) -> list[tuple[int, int, list[tuple[str, str]]]]:
    """What the resident sees of it: confirmed, told, and each service with its state."""
    await person.sign_in()
    logouts = (await person.get("/v1/sessions/logouts", headers={"accept-language": "en"})).json()["items"]
    return [(a["confirmed"], a["told"], [(s["name"], s["state"]) for s in a["services"]]) for a in logouts]


async def test_a_client_hears_of_a_sign_out_by_the_names_it_knows(
    city: City, clinic: str, lin: Person, hears: Receiver
) -> None:
    claims = jwt.decode((await signs_in(city, clinic, lin))["id_token"], options={"verify_signature": False})
    await signs_out(lin)
    await city.work()
    (said,) = hears.tokens(city, clinic)
    assert (said["sub"], said["sid"]) == (claims["sub"], claims["sid"])
    assert said["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert said["exp"] - said["iat"] == 120
    assert said["jti"]
    assert "nonce" not in said
    assert hears.heads[0].startswith(f"POST /logout HTTP/1.1\r\nhost: 127.0.0.1:{hears.port}\r\n")
    assert "content-type: application/x-www-form-urlencoded" in hears.heads[0]
    assert await shown(lin) == [(1, 1, [("Fuzhou Clinic", "confirmed")])]
    await signs_out(lin)
    await city.work()
    assert len(hears.bodies) == 1  # nothing of the clinic's hung on that one


async def test_who_does_not_answer_is_asked_five_times_and_then_given_up(
    city: City, clinic: str, lin: Person, hears: Receiver
) -> None:
    hears.status = 503
    await signs_in(city, clinic, lin)
    await signs_out(lin)
    pauses = []
    for attempt in range(1, 6):
        await city.work()
        assert len(hears.bodies) == attempt
        (row,) = await city.rows(
            "SELECT extract(epoch FROM run_at - now()) AS pause FROM core_job WHERE name = 'tell_service_of_logout'"
        )
        pauses.append(round(float(row["pause"]) / 15))
        if attempt < 5:
            (state,) = (await shown(lin))[-1:]
            assert state == (0, 1, [("Fuzhou Clinic", "retrying")])
            await pauses_are_over(city)
    assert pauses[:4] == [1, 2, 4, 8]
    await pauses_are_over(city)
    await city.work()  # the sixth claim finds that it was tried five times
    assert len(hears.bodies) == 5
    assert (await shown(lin))[-1] == (0, 1, [("Fuzhou Clinic", "given_up")])
    assert len({said["jti"] for said in hears.tokens(city, clinic)}) == 5


async def test_what_a_client_refuses_is_its_last_word(city: City, clinic: str, lin: Person, hears: Receiver) -> None:
    hears.status = 400
    await signs_in(city, clinic, lin)
    await signs_out(lin)
    await city.work()
    await pauses_are_over(city)
    await city.work()
    assert len(hears.bodies) == 1
    assert await shown(lin) == [(0, 1, [("Fuzhou Clinic", "refused")])]


@pytest.mark.parametrize("status", [0, 302, 404, 500])
async def test_whatever_is_no_yes_is_tried_again(
    city: City, clinic: str, lin: Person, hears: Receiver, status: int
) -> None:
    hears.status = status
    await signs_in(city, clinic, lin)
    await signs_out(lin)
    await city.work()
    hears.status = 204
    await pauses_are_over(city)
    await city.work()
    assert len(hears.bodies) == 2
    assert await shown(lin) == [(1, 1, [("Fuzhou Clinic", "confirmed")])]


async def test_a_service_that_takes_no_messages_is_shown_as_such(
    city: City, provider: Person, clinic: str, lin: Person, hears: Receiver
) -> None:
    deaf = await registered(provider, name={"zh-CN": "药店", "en": "Pharmacy"})
    await signs_in(city, clinic, lin)
    await signs_in(city, deaf, lin)
    await signs_in(city, clinic, lin)  # twice: two sessions of one service
    await signs_out(lin)
    await city.work()
    assert len({said["sid"] for said in hears.tokens(city, clinic)}) == 2
    ((confirmed, of, services),) = await shown(lin)
    assert (confirmed, of) == (1, 1)
    assert sorted(services) == [("Fuzhou Clinic", "confirmed"), ("Pharmacy", "not_told")]


async def test_one_that_goes_on_while_she_is_away_hears_that_she_signed_out(
    city: City, clinic: str, lin: Person, hears: Receiver
) -> None:
    body = await signs_in(city, clinic, lin, "openid profile offline_access")
    await signs_out(lin)
    await city.work()
    assert len(hears.bodies) == 1
    form = {"grant_type": "refresh_token", "client_id": clinic, "refresh_token": body["refresh_token"]}
    async with city.browser() as http:
        assert (await http.post("/oauth/token", data=form)).status_code == 200


async def test_a_receiver_that_another_process_registered_a_moment_ago_is_not_missed(
    city: City, provider: Person, lin: Person, hears: Receiver
) -> None:
    late = await registered(provider, scopes=SCOPES)
    await signs_in(city, late, lin)
    await city.execute(
        "UPDATE core_registered_client SET backchannel_logout_uri = $2, version = version + 1 WHERE client_id = $1",
        late,
        hears.uri,
    )
    await signs_out(lin)
    await city.work()
    assert len(hears.tokens(city, late)) == 1


async def test_others_do_not_see_it(city: City, clinic: str, lin: Person) -> None:
    await signs_in(city, clinic, lin)
    await signs_out(lin)
    stranger = await city.person("+8613800000078", "陈阿明")
    assert await shown(stranger) == []


async def test_a_sign_out_wished_many_times_at_once_is_told_once(
    city: City, clinic: str, lin: Person, hears: Receiver
) -> None:
    await signs_in(city, clinic, lin)
    await asyncio.gather(*(lin.delete("/v1/sign-in/sessions/current") for _ in range(20)))
    await asyncio.gather(*(city.work() for _ in range(3)))
    assert len(hears.bodies) == 1


async def test_a_code_redeemed_while_its_session_is_ended_leaves_nothing_open(
    city: City, clinic: str, lin: Person
) -> None:
    (hers,) = await city.rows(f"SELECT id {OPEN}", lin.id)
    held, waited_for = asyncio.Event(), asyncio.Event()

    @in_unit_of_work
    async def redeem() -> None:
        """As the token endpoint does it, but slowly."""
        await city.rows("SELECT 1 FROM core_session WHERE id = $1 FOR SHARE", hers["id"])
        held.set()
        await waited_for.wait()
        await city.execute(
            "INSERT INTO core_session (id, resident_id, token_hash, user_agent, created_at, last_used_at, expires_at,"
            " client_id, parent_id, opened_in) SELECT $2, resident_id, 'none', '', now(), now(), expires_at, $3, id, id"
            " FROM core_session WHERE id = $1",
            hers["id"],
            uuid7(),
            clinic,
        )

    redeeming = asyncio.create_task(redeem())
    await held.wait()
    ending = asyncio.create_task(lin.delete(f"/v1/sessions/{hers['id']}"))
    while not await city.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
        pass  # each look is a round trip
    waited_for.set()
    await asyncio.gather(redeeming, ending)
    assert await city.rows(f"SELECT 1 {OPEN}", lin.id) == []
    assert len(await city.rows("SELECT 1 FROM core_logout_notice")) == 1


async def test_what_is_long_ago_is_forgotten(city: City, clinic: str, lin: Person, hears: Receiver) -> None:
    hears.status = 400
    await signs_in(city, clinic, lin)
    await signs_out(lin)
    await city.work()
    city.clock.ahead = timedelta(days=31)
    await forget_logouts({}, state=city.state)
    for table, where in (("core_logout_notice", "true"), ("core_job", "state = 'dead'")):
        assert await city.rows(f"SELECT 1 FROM {table} WHERE {where}") == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://clinic.example/logout",
        "https://10.0.0.1/logout",
        "https://169.254.169.254/latest",
        "https://[::ffff:10.0.0.1]/x",
        "https://0x7f.1/x",
        "https://user@clinic.example/x",
        "https://clinic.example/x#y",
        "https://clinic.example/a b",
        "http://localhost:8000/x",
        "ftp://clinic.example/",
        "com.example.app:/x",
        "",
    ],
)
async def test_where_the_city_would_not_send_cannot_be_registered(provider: Person, uri: str) -> None:
    refused = await provider.post("/v1/provider/clients", json={**CLINIC, "backchannel_logout_uri": uri})
    assert refused.status_code == 400
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/backchannel_logout_uri"]


def test_a_loopback_address_is_for_cities_that_allow_it() -> None:
    own = "https://city.example"
    for uri in ("http://127.0.0.1:9/x", "https://127.0.0.1/x", "http://localhost:9/x"):
        assert mistake_in_receiver(uri, own, allow_loopback=True) is None
        if not uri.startswith("http://localhost"):
            assert mistake_in_receiver(uri, own, allow_loopback=False)
    assert mistake_in_receiver("https://clinic.example/x?tenant=1", own, allow_loopback=False) is None


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"])
async def test_a_name_that_leads_inside_is_never_called(address: str) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return [address]

    receivers = Receivers(allow_loopback=False, lookup=lookup)
    with pytest.raises(Unreachable, match="refused"):
        await receivers.post("https://clinic.example/logout", b"x")


async def test_a_receiver_that_fails_again_and_again_is_left_in_peace_for_a_while(hears: Receiver) -> None:
    receivers = Receivers(allow_loopback=True)
    hears.status = 0
    for _ in range(20):
        with pytest.raises(CallFailed):
            await receivers.post(hears.uri, b"x")
    with pytest.raises(Resting):
        await receivers.post(hears.uri, b"x")
    assert len(hears.bodies) == 20
