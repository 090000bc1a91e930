"""A resident lets a screen in with her phone; nobody else's screen gets in with it (RFC 8628)."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest

from app_server.authorization.devices import DEVICE_GRANT, NETWORK
from app_server.authorization.mistakes import mistakes_of
from app_server.authorization.registered import registered_clients
from app_server.authorization.service import forget_used
from app_server.identity.locks import lock_resident
from app_server.identity.service import end_session
from app_server.kernel.crypto import token_hash
from app_server.kernel.redis import RedisUnavailable
from tests.actors import Person
from tests.authorization.relying_parties import CLINIC, PLACE, question, registered
from tests.authorization.screens import Phone, Screen, banners, heading, other_number, phone_of
from tests.city import City

STEP = timedelta(seconds=6)


@pytest.fixture
async def kiosk(provider: Person) -> str:
    """The client id of the clinic's screens."""
    return await registered(provider, device_flow=True, redirect_uris=[])


@pytest.fixture
async def screen(city: City, kiosk: str) -> Screen:
    """A screen that shows a code."""
    return await Screen(city, kiosk).begins()


@pytest.fixture
def phone(city: City, lin: Person) -> Phone:
    """Her phone, signed in."""
    return Phone(city, lin)


async def test_she_scans_enters_the_number_allows_it_and_the_screen_knows_her(
    city: City, screen: Screen, phone: Phone, lin: Person
) -> None:
    assert await screen.hears() == "authorization_pending"
    page = await phone.scans(screen)
    assert heading(page) == "Which number does the screen show?"
    assert "Fuzhou Clinic" in page.text
    page = await phone.enters(screen)
    assert heading(page) == "Let Fuzhou Clinic on this screen know that it is you?"
    for words in ("Asked less than a minute ago", "See your name and language", "to serve you", "you stand in front"):
        assert words in page.text
    done = await phone.presses(page, answer="allow", **{"scope:phone": "on"})
    assert heading(done) == "The screen goes on now"
    answer = await screen.polls()
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["scope"] == "openid phone profile"
    async with city.browser(authorization=f"Bearer {body['access_token']}") as http:
        known = (await http.get("/oauth/userinfo")).json()
    assert (known["name"], known["phone_number"]) == ("林依婷", lin.phone)
    consents = (await lin.get("/v1/consents")).json()["items"]
    assert {consent["scope"] for consent in consents} == {"openid", "profile", "phone"}
    (session,) = await city.rows("SELECT parent_id, client_id FROM core_session WHERE client_id IS NOT NULL")
    (own,) = await city.rows("SELECT id FROM core_session WHERE token_hash = $1", token_hash(lin.cookie))
    assert (session["parent_id"], session["client_id"]) == (own["id"], screen.client)
    await city.work()
    (notice,) = (await lin.get("/v1/inbox")).json()["items"]
    assert notice["title"] == "您已让“福州诊所”的一块屏幕知道您是谁"
    assert notice["link"] == "/me/consents"


async def test_the_page_says_from_where_and_how_long_ago_it_was_asked(city: City, screen: Screen, phone: Phone) -> None:
    sealed = city.state["keys"].seal(NETWORK.field, "8.8.4.0/24")
    await city.execute("UPDATE core_device_request SET network_sealed = $1", sealed)
    city.clock.ahead = timedelta(minutes=3, seconds=5)
    assert "Asked 3 minutes ago. From the network 8.8.4.0/24." in (await phone.enters(screen)).text


async def test_what_a_screen_is_told_does_not_give_the_number_away_in_its_qr_code(city: City, screen: Screen) -> None:
    base, shows = city.settings.base_url, screen.shows
    assert (shows["expires_in"], shows["interval"], shows["verification_uri"]) == (600, 5, f"{base}/device")
    letters = shows["user_code"].replace("-", "")
    assert letters not in shows["verification_uri_complete"].upper()
    async with city.browser() as http:
        picture = await http.get(shows["banyan_qr_uri"].removeprefix(base))
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/svg+xml")
        assert (await http.get("/oauth/device_authorization/nobody/qr")).status_code == 410
        said = (await http.get("/.well-known/openid-configuration")).json()
    assert said["device_authorization_endpoint"] == f"{base}/oauth/device_authorization"
    assert DEVICE_GRANT in said["grant_types_supported"]
    kept = str([dict(row) for row in await city.rows("SELECT * FROM core_device_request")])
    for secret in (shows["device_code"], letters, shows["verification_uri_complete"].rpartition("/")[2]):
        assert secret not in kept


@pytest.mark.parametrize("as_typed", [str, str.lower, lambda code: code.replace("-", " "), lambda code: f"　{code}。"])
async def test_a_client_that_knows_the_rfc_alone_shows_letters_and_they_suffice(
    screen: Screen, phone: Phone, as_typed: object
) -> None:
    page = await phone.types(as_typed(screen.shows["user_code"]))  # type: ignore[operator]
    assert heading(await phone.presses(page, answer="allow")) == "The screen goes on now"
    assert await screen.hears() == "tokens"


# The relayed code: an attacker has a screen of their own, and sends its code to somebody else.


async def test_a_relayed_code_without_the_number_yields_nothing_however_it_is_answered(
    city: City, screen: Screen, phone: Phone
) -> None:
    page = await phone.enters(screen, other_number(screen))
    assert (page.status_code, heading(page)) == (403, "Not the right number")
    assert "Begin again at the screen in front of you" in page.text
    for again in (await phone.enters(screen), await phone.scans(screen), await phone.types(screen.shows["user_code"])):
        assert again.status_code == 410
    assert await screen.hears() == "access_denied"
    assert await city.rows("SELECT 1 FROM core_session WHERE client_id IS NOT NULL") == []
    assert await city.rows("SELECT 1 FROM core_consent") == []


async def test_all_numbers_at_once_are_one_try(city: City, screen: Screen, phone: Phone) -> None:
    wrong = [str(number) for number in range(10, 99) if str(number) != screen.shows["banyan_number"]][:9]
    answers = await asyncio.gather(*(phone.enters(screen, number) for number in wrong))
    assert sorted(answer.status_code for answer in answers) == [403] + [410] * 8
    assert (await phone.enters(screen)).status_code in (410, 429)


async def test_a_code_that_another_site_leads_to_asks_for_what_a_screen_shows(screen: Screen, phone: Phone) -> None:
    """An attacker's page may begin a request for each visitor and show the number itself."""
    page = await phone.scans(screen, **{"sec-fetch-site": "cross-site"})
    assert heading(page) == "Enter the letters on the screen"
    assert banners(page) == [
        "Another website sent you here, and not a screen. Go on only if a screen in front of you shows letters."
    ]
    door = await Phone(phone.city).scans(screen, **{"sec-fetch-site": "cross-site"})
    assert 'name="next" value="/device"' in door.text
    assert heading(await phone.scans(screen, **{"sec-fetch-site": "none"})) == "Which number does the screen show?"


async def test_whoever_opened_a_code_first_decides_on_it_and_nobody_else_sees_it(
    city: City, screen: Screen, phone: Phone
) -> None:
    page = await phone.enters(screen)
    other = await phone_of(city, "+8613800000009")
    for taken in (await other.enters(screen), await other.types(screen.shows["user_code"])):
        assert taken.status_code == 409
    assert (await other.http.get(page.url.path)).status_code == 410
    refused = await other.http.post(page.url.path, data={"answer": "deny"})
    assert refused.status_code == 410
    assert await screen.hears() == "authorization_pending"
    assert (await phone.presses(page, answer="allow")).status_code == 200
    assert await screen.hears() == "tokens"


async def test_a_code_that_was_used_is_told_kindly_and_opens_nothing_again(
    city: City, screen: Screen, phone: Phone
) -> None:
    await phone.lets_in(screen)
    assert await screen.hears() == "tokens"
    other = await phone_of(city, "+8613800000009")
    for again in (await other.scans(screen), await other.enters(screen)):
        assert (again.status_code, heading(again)) == (410, "This code is no longer good")
    typed = await other.types(screen.shows["user_code"])
    assert (typed.status_code, "used already" in typed.text) == (410, True)
    assert len(await city.rows("SELECT 1 FROM core_session WHERE client_id IS NOT NULL")) == 1


async def test_codes_are_entered_a_few_times_and_no_more(city: City, screen: Screen, phone: Phone) -> None:
    for _ in range(20):
        wrong = await phone.types("BBBB-BBBB")
        assert (wrong.status_code, "No screen shows this code now" in wrong.text) == (400, True)
    refused = await phone.types(screen.shows["user_code"])
    assert (refused.status_code, int(refused.headers["retry-after"]) > 0) == (429, True)
    assert (await phone.enters(screen)).status_code == 429
    assert await screen.hears() == "authorization_pending"


async def test_nobody_enters_a_code_while_nobody_counts(
    city: City, screen: Screen, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise RedisUnavailable("away")

    monkeypatch.setattr(city.state["redis"], "call", away)
    for refused in (await phone.types(screen.shows["user_code"]), await phone.enters(screen)):
        assert (refused.status_code, refused.headers["retry-after"] != "") == (503, True)
    assert await screen.hears() == "authorization_pending"


async def test_what_is_no_number_is_no_try(screen: Screen, phone: Phone) -> None:
    for typed in ("", "4", "123", "<b>", "\0\0"):
        page = await phone.enters(screen, typed)
        assert (page.status_code, len(banners(page))) == (400, 1)
        assert "<b>" not in page.text
    assert heading(await phone.lets_in(screen)) == "The screen goes on now"


# What the screen hears.


async def test_who_asks_too_often_waits_five_seconds_longer_each_time(city: City, screen: Screen) -> None:
    heard = []
    for wait in (0, 6, 1, 6, 11, 16, 14, 21):  # seconds since the question before
        city.clock.ahead += timedelta(seconds=wait)
        heard.append(await screen.hears())
    pending, slower = "authorization_pending", "slow_down"
    assert heard == [pending, pending, slower, slower, slower, slower, slower, slower]
    for wait, expected in ((34, slower), (40, pending), (40, pending), (39, slower), (46, pending)):
        city.clock.ahead += timedelta(seconds=wait)
        assert await screen.hears() == expected, wait


async def test_no_means_no_and_too_late_means_too_late(city: City, kiosk: str, screen: Screen, phone: Phone) -> None:
    done = await phone.presses(await phone.enters(screen), answer="deny")
    assert heading(done) == "Nobody was signed in"
    assert [await screen.hears() for _ in range(2)] == ["access_denied"] * 2
    late = await Screen(city, kiosk).begins()
    page = await phone.enters(late)
    city.clock.ahead = timedelta(minutes=10, seconds=1)
    assert await late.hears() == "expired_token"
    for answer in (await phone.presses(page, answer="allow"), await phone.scans(late), await phone.enters(late)):
        assert (answer.status_code, heading(answer)) == (410, "This code is no longer good")
    assert await late.hears() == "expired_token"


async def test_who_allows_it_in_the_last_second_is_heard(city: City, screen: Screen, phone: Phone) -> None:
    page = await phone.enters(screen)
    city.clock.ahead = timedelta(minutes=9, seconds=58)
    await phone.presses(page, answer="allow")
    city.clock.ahead = timedelta(minutes=10, seconds=20)
    assert await screen.hears() == "tokens"


async def test_a_hundred_questions_at_once_get_one_grant(city: City, screen: Screen, phone: Phone) -> None:
    await phone.lets_in(screen)
    heard = await asyncio.gather(*(screen.polls() for _ in range(100)))
    assert {answer.status_code for answer in heard} == {200}  # a lost answer is given again for 30 seconds
    sessions = await city.rows("SELECT id FROM core_session WHERE client_id IS NOT NULL AND ended_at IS NULL")
    assert len(sessions) == 1


async def test_a_device_code_that_comes_back_later_ends_what_it_gave(city: City, screen: Screen, phone: Phone) -> None:
    await phone.lets_in(screen)
    token = (await screen.polls()).json()["access_token"]
    city.clock.ahead = timedelta(seconds=31)
    assert await screen.hears() == "invalid_grant"
    async with city.browser(authorization=f"Bearer {token}") as http:
        assert (await http.get("/oauth/userinfo")).status_code == 401


async def test_the_form_sent_twice_at_once_is_one_decision(city: City, screen: Screen, phone: Phone) -> None:
    page = await phone.enters(screen)
    answers = await asyncio.gather(*(phone.presses(page, answer=each) for each in ["allow", "deny"] * 10))
    assert len({heading(answer) for answer in answers}) == 1
    assert len(await city.rows("SELECT 1 FROM core_launch_code")) <= 1


async def test_two_phones_with_the_number_at_once_are_one_opener(city: City, screen: Screen, phone: Phone) -> None:
    others = [await phone_of(city, f"+861380000001{each}") for each in range(3)]
    answers = await asyncio.gather(*(each.enters(screen) for each in [phone, *others]))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_with_a_challenge_the_device_needs_its_verifier(city: City, kiosk: str, phone: Phone) -> None:
    verifier = "w" * 43
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    screen = await Screen(city, kiosk, code_challenge=challenge, code_challenge_method="S256").begins()
    await phone.lets_in(screen)
    assert await screen.hears() == "invalid_grant"
    assert await screen.hears(code_verifier="x" * 43) == "invalid_grant"
    assert await screen.hears(code_verifier=verifier) == "tokens"
    plain = await Screen(city, kiosk).begins()
    await phone.lets_in(plain)
    assert await plain.hears(code_verifier=verifier) == "invalid_grant"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid", "code_challenge": "x"}, "invalid_request"),
        ({"scope": "openid", "code_challenge": "c" * 43, "code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "openid", "code_challenge_method": "S256"}, "invalid_request"),
        ({"scope": f"openid {'x' * 3000}"}, "invalid_request"),
        ({"scope": "openid", "client_id": "c_nobody"}, "invalid_client"),
        ({"scope": "openid", "client_id": "library"}, "invalid_client"),
    ],
)
async def test_what_is_asked_wrong_is_refused_and_nothing_is_kept(
    city: City, kiosk: str, asked: dict[str, str], error: str
) -> None:
    async with city.browser() as http:
        answer = await http.post("/oauth/device_authorization", data={"client_id": kiosk, **asked})
    assert (answer.status_code in (400, 401), answer.json()["error"]) == (True, error)
    assert await city.rows("SELECT 1 FROM core_device_request") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"client_id=%s",
        b"client_id=%s&client_id=%s&scope=openid",
        b"client_id=%s&scope=openid&scope=openid",
        b"client_id=%%00&scope=openid",
        b"client_id=%s&scope=openid&x=" + b"y" * 5000,
    ],
)
async def test_forms_that_are_none_are_refused_as_the_rfc_has_it(city: City, kiosk: str, body: bytes) -> None:
    sent = body.replace(b"%s", kiosk.encode()).replace(b"%%", b"%")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with city.browser() as http:
        answer = await http.post("/oauth/device_authorization", content=sent, headers=headers)
    assert answer.status_code in (400, 401), answer.text
    assert answer.json().keys() == {"error", "error_description"}
    assert kiosk not in answer.text
    assert await city.rows("SELECT 1 FROM core_device_request") == []


@pytest.mark.parametrize("scope", ["openid a\0b", "openid \u2028", "openid 榕"])
async def test_characters_that_mean_nothing_break_nothing(city: City, kiosk: str, scope: str) -> None:
    async with city.browser() as http:
        answer = await http.post("/oauth/device_authorization", data={"client_id": kiosk, "scope": scope})
        assert answer.status_code in (200, 400)
        polled = await http.post(
            "/oauth/token", data={"client_id": kiosk, "grant_type": DEVICE_GRANT, "device_code": "a\0b"}
        )
    assert polled.json()["error"] == "invalid_grant"


async def test_a_client_that_did_not_ask_for_it_has_no_device_flow(
    city: City, clinic: str, kiosk: str, screen: Screen, provider: Person
) -> None:
    async with city.browser() as http:
        refused = await http.post("/oauth/device_authorization", data={"client_id": clinic, "scope": "openid"})
        assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
        assert (await http.get("/authorize", params=question(kiosk, redirect_uri=PLACE))).status_code == 400
    other = Screen(city, clinic)
    other.shows = screen.shows
    assert await other.hears() == "unauthorized_client"
    another = Screen(city, await registered(provider, device_flow=True))
    another.shows = screen.shows
    assert await another.hears() == "invalid_grant"


async def test_a_code_is_not_good_as_another_kind_of_code(city: City, screen: Screen, phone: Phone) -> None:
    await phone.lets_in(screen)
    code = screen.shows["device_code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": DEVICE_GRANT, "code_verifier": "v" * 43}
    assert await screen.hears(**form) == "invalid_grant"


# What ends it.


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["sign-out", "lock", "consent", "switched off"])
async def test_whatever_ends_a_grant_ends_this_one_before_and_after_it_is_traded(
    city: City, provider: Person, screen: Screen, phone: Phone, lin: Person, what: str, when: str
) -> None:
    await phone.lets_in(screen)
    token = (await screen.polls()).json()["access_token"] if when == "after" else None
    if what == "sign-out":
        (own,) = await city.rows("SELECT id FROM core_session WHERE token_hash = $1", token_hash(lin.cookie))
        await end_session(own["id"], state=city.state)
    elif what == "lock":
        await lock_resident(UUID(lin.id), reason="stolen", by="test", now=city.clock())
    elif what == "consent":
        for consent in (await lin.get("/v1/consents")).json()["items"]:
            if consent["scope"] == "openid":
                await lin.delete(f"/v1/consents/{consent['id']}")
    else:
        await provider.http.put(f"/v1/provider/clients/{screen.client}", json={**CLINIC, "device_flow": False})
        await registered_clients(city.state).refresh()
    if token is None:
        assert await screen.hears() in ("invalid_grant", "unauthorized_client")
        assert await city.rows("SELECT 1 FROM core_session WHERE client_id IS NOT NULL") == []
    elif what != "switched off":
        rows = await city.rows("SELECT ended_at FROM core_session WHERE client_id IS NOT NULL")
        assert [row["ended_at"] is not None for row in rows] == [True]


async def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_code(city: City, screen: Screen) -> None:
    browser = Phone(city)
    for door in (await browser.scans(screen), await browser.http.get("/device")):
        door = await browser._follow(door)
        assert door.url.path == "/sign-in"
        assert 'name="next" value="/device' in door.text


async def test_a_provider_reads_of_haste_and_wrong_numbers_and_not_of_waiting(
    city: City, provider: Person, screen: Screen, phone: Phone
) -> None:
    await screen.hears()
    await screen.hears()
    await phone.enters(screen, other_number(screen))
    await screen.hears()
    await mistakes_of(city.state).write()
    errors = (await provider.get(f"/v1/provider/clients/{screen.client}/errors")).json()["items"]
    assert [(each["endpoint"], each["error"]) for each in errors] == [
        ("/device", "access_denied"),
        ("/oauth/token", "slow_down"),
    ]


async def test_requests_that_are_over_are_cleared_away(city: City, screen: Screen) -> None:
    await forget_used(city.state)
    assert len(await city.rows("SELECT 1 FROM core_device_request")) == 1
    city.clock.ahead = timedelta(hours=1, minutes=11)
    await forget_used(city.state)
    assert await city.rows("SELECT 1 FROM core_device_request") == []
    assert await screen.hears() == "invalid_grant"
