"""A service wishes that somebody signs out: believed as far as it is proven, and never done without a question."""

from datetime import timedelta
from html import unescape
from re import findall
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt
import pytest

from app_server.kernel.key_file import KeyFile
from app_server.kernel.key_times import OVERLAP
from app_server.kernel.tokens import sign
from tests.actors import Person
from tests.authorization.relying_parties import Browser, question, registered, tokens, told
from tests.city import City

AFTER = "https://clinic.example/bye"
LEAVING = {"post_logout_redirect_uris": [AFTER, f"{AFTER}?tenant=1"]}


@pytest.fixture
async def clinic(provider: Person) -> str:
    """A client that has people led back after they signed out."""
    return await registered(provider, **LEAVING)


class Visitor(Browser):
    """A browser that signed in to the clinic, and what the clinic keeps of it."""

    hint = ""

    async def signs_in_to(self, client: str) -> None:
        """Keep the ID token."""
        answer = await self.asks(question(client))
        if answer.status_code == 200:
            answer = await self.presses(answer, answer="allow")
        self.hint = (await tokens(self.city, client, told(answer)["code"])).json()["id_token"]

    def __init__(self, city: City, person: Person | None = None) -> None:
        super().__init__(city, person)
        self.city = city

    async def leaves(self, method: str = "GET", **asked: str) -> httpx2.Response:
        """Go where the service sends a browser that signs out of it; follow up to a page."""
        if method == "GET":
            return await self._follow(await self.http.get(f"/end-session?{urlencode(asked)}"))
        posted = {"origin": "https://clinic.example", "sec-fetch-site": "cross-site"}  # and no cookie comes with it
        async with self.city.browser(accept="text/html", **posted) as elsewhere:
            sent = await elsewhere.post("/end-session", data=asked)
        assert sent.status_code == 303, sent.text
        return await self._follow(await self.http.get(sent.headers["location"]))

    async def is_signed_in(self) -> bool:
        return (await self.http.get("/v1/me", headers={"accept": "application/json"})).status_code == 200


@pytest.fixture
async def visitor(city: City, clinic: str, lin: Person) -> Visitor:
    """Lin's browser, signed in to the clinic."""
    browser = Visitor(city, lin)
    await browser.signs_in_to(clinic)
    return browser


def goes_to(answer: httpx2.Response) -> str:
    """Where a browser is led by itself."""
    if answer.status_code == 303:
        return str(answer.headers["location"])
    found = findall(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)
    return unescape(found[0]) if found else ""


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_proven_wish_is_asked_about_and_leads_back(city: City, visitor: Visitor, method: str) -> None:
    page = await visitor.leaves(method, id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER, state="a b&c")
    assert page.status_code == 200
    assert "Fuzhou Clinic says that you are signing out" in page.text
    assert "林依婷" in page.text
    assert await visitor.is_signed_in()
    back = await visitor.presses(page, answer="sign_out")
    assert goes_to(back) == f"{AFTER}?state=a%20b%26c"
    assert not await visitor.is_signed_in()
    again = await visitor.leaves(method, id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER, state="s")
    assert (again.status_code, goes_to(again)) == (303, f"{AFTER}?state=s")  # who is signed out is not asked


async def test_who_stays_is_led_back_and_still_signed_in(city: City, visitor: Visitor) -> None:
    page = await visitor.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=f"{AFTER}?tenant=1", state="s")
    sid = jwt.decode(visitor.hint, options={"verify_signature": False})["sid"]
    assert goes_to(await visitor.presses(page, answer="stay")) == f"{AFTER}?tenant=1&state=s"
    assert await visitor.is_signed_in()
    ended = await city.rows("SELECT id::text FROM core_session WHERE ended_at IS NOT NULL")
    assert [row["id"] for row in ended] == [sid]  # the service's own session is over


@pytest.mark.parametrize("answer", ["stay", "sign_out"])
async def test_without_a_hint_nobody_is_led_anywhere_by_itself(visitor: Visitor, clinic: str, answer: str) -> None:
    wishes: list[dict[str, str]] = [{}, {"state": "s"}, {"client_id": clinic}]
    for asked in wishes:
        assert "Sign out of the city, too?" in (await visitor.leaves(**asked)).text
    page = await visitor.leaves(client_id=clinic, post_logout_redirect_uri=AFTER, logout_hint="lin")
    after = await visitor.presses(page, answer=answer)
    assert goes_to(after) in ("", "/")
    assert await visitor.is_signed_in() == (answer == "stay")
    if answer == "sign_out":
        assert f'href="{AFTER}"' in after.text  # a button, if she wants to


async def test_a_hint_may_be_older_than_the_keys_that_are_published(city: City, visitor: Visitor) -> None:
    path, lead, keys = city.settings.key_file, timedelta(hours=1), city.state["keys"]
    before, signer = path.read_bytes(), keys.signing_key.kid
    try:
        KeyFile.read(path).rotated(city.clock(), lead, sealing=False).replace(path)
        city.clock.ahead = lead + OVERLAP
        keys.refresh()
        assert signer not in keys.public_keys
        page = await visitor.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER)
        assert goes_to(await visitor.presses(page, answer="sign_out")) == AFTER
    finally:
        path.write_bytes(before)


async def test_a_hint_may_be_old_and_of_somebody_elses_browser(city: City, visitor: Visitor) -> None:
    city.clock.ahead = timedelta(days=20)
    page = await visitor.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER)
    assert "Fuzhou Clinic" in page.text
    stranger = Visitor(city, await city.person("+8613800000077", "陈阿明"))
    page = await stranger.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER)
    assert "陈阿明" in page.text  # whose session it is that would end
    assert await stranger.is_signed_in()


async def test_what_is_not_proven_is_refused_and_changes_nothing(
    city: City, provider: Person, visitor: Visitor, clinic: str
) -> None:
    other = await registered(provider)
    head, claims, signature = visitor.hint.split(".")
    read = jwt.decode(visitor.hint, options={"verify_signature": False})
    bad: list[dict[str, str]] = [
        {"id_token_hint": f"{head}.{claims}.{signature[:-4]}AAAA"},
        {"id_token_hint": f"{head}.{claims}."},
        {"id_token_hint": sign(read, typ="at+jwt", keys=city.state["keys"])},
        {"id_token_hint": sign({**read, "iss": "https://other.example"}, typ="JWT", keys=city.state["keys"])},
        {"id_token_hint": sign({**read, "aud": "nobody"}, typ="JWT", keys=city.state["keys"])},
        {"id_token_hint": sign({**read, "aud": [clinic, other]}, typ="JWT", keys=city.state["keys"])},
        {"id_token_hint": jwt.encode(read, "", algorithm="none", headers={"typ": "JWT"})},
        {"id_token_hint": "x" * 9000},
        {"id_token_hint": visitor.hint, "client_id": other},
        {"id_token_hint": visitor.hint, "post_logout_redirect_uri": f"{AFTER}/"},
        {"id_token_hint": visitor.hint, "post_logout_redirect_uri": AFTER.upper()},
        {"id_token_hint": visitor.hint, "post_logout_redirect_uri": "https://clinic.example/back"},
        {"client_id": other, "post_logout_redirect_uri": AFTER},
        {"client_id": "nobody"},
        {"post_logout_redirect_uri": AFTER},
        {"client_id": clinic, "state": "\x00"},
        {"client_id": clinic, "state": "s" * 2000},
    ]
    for asked in bad:
        answer = await visitor.http.get(f"/end-session?{urlencode(asked)}")
        assert (answer.status_code, goes_to(answer)) == (400, ""), asked
        assert AFTER not in answer.text
    twice = await visitor.http.get(f"/end-session?client_id={clinic}&client_id={clinic}")
    assert twice.status_code == 400
    assert await visitor.is_signed_in()


async def test_the_wish_is_its_own_and_not_for_long(city: City, visitor: Visitor) -> None:
    page = await visitor.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER)
    made_up = await visitor.http.get(f"{page.url.path[:-2]}AA")
    assert made_up.status_code == 410
    city.clock.ahead = timedelta(minutes=31)
    late = await visitor.http.post(page.url.path, data={"answer": "sign_out"})
    assert late.status_code == 410
    assert 'href="/sign-out"' in late.text
    assert await visitor.is_signed_in()


async def test_another_site_cannot_press_the_button(visitor: Visitor) -> None:
    page = await visitor.leaves(id_token_hint=visitor.hint, post_logout_redirect_uri=AFTER)
    headers = {"origin": "https://clinic.example"}
    forged = await visitor.http.post(page.url.path, data={"answer": "sign_out"}, headers=headers)
    assert forged.status_code == 403
    assert await visitor.is_signed_in()


async def test_a_sid_is_the_clients_own_and_never_the_residents(city: City, visitor: Visitor, lin: Person) -> None:
    sid = jwt.decode(visitor.hint, options={"verify_signature": False})["sid"]
    (row,) = await city.rows("SELECT client_id, parent_id FROM core_session WHERE id::text = $1", sid)
    assert row["client_id"]
    assert str(row["parent_id"]) != sid


async def test_where_people_go_is_registered_and_checked(city: City, provider: Person, clinic: str) -> None:
    shown = (await provider.get(f"/v1/provider/clients/{clinic}")).json()
    assert shown["post_logout_redirect_uris"] == LEAVING["post_logout_redirect_uris"]
    asked: dict[str, Any] = {name: shown[name] for name in shown.keys() - {"client_id", "version", "created_at"}}
    wrong = {**asked, "post_logout_redirect_uris": [AFTER, "http://clinic.example/bye", f"{AFTER}#x"]}
    refused = await provider.http.put(f"/v1/provider/clients/{clinic}", json=wrong)
    assert refused.status_code == 400
    pointers = [error["pointer"] for error in refused.json()["errors"]]
    assert pointers == ["/post_logout_redirect_uris/1", "/post_logout_redirect_uris/2"]
    less = await provider.http.put(f"/v1/provider/clients/{clinic}", json={**asked, "post_logout_redirect_uris": []})
    assert less.json()["post_logout_redirect_uris"] == []


async def test_discovery_names_the_endpoint(city: City) -> None:
    async with city.browser() as http:
        said = (await http.get("/.well-known/openid-configuration")).json()
    assert said["end_session_endpoint"] == f"{city.settings.base_url}/end-session"
    assert "sid" in said["claims_supported"]
