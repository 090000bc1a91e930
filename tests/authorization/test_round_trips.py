"""What a request for tokens asks of the engines, for each grant and each way of proving the client."""

from typing import Any

import pytest

from tests.actors import Person
from tests.authorization.holders import Holder
from tests.authorization.relying_parties import PLACE, VERIFIER, registered
from tests.authorization.test_client_secrets import basic, secret_of
from tests.authorization.test_client_sessions import SCOPES, Keyed, code_for, opened
from tests.city import City
from tests.round_trips import RoundTrips


class Counting:
    """Sends a form and counts; the process has seen the client before."""

    def __init__(self, city: City, monkeypatch: pytest.MonkeyPatch) -> None:
        self.city, self.trips = city, RoundTrips(monkeypatch, city)

    async def of(self, form: dict[str, Any], **headers: str) -> tuple[int, int]:
        """Pipelines to Valkey, and statements to PostgreSQL, begin and commit among them."""
        async with self.city.browser(**headers) as http:
            self.trips.forget()
            answer = await http.post("/oauth/token", data=form)
            assert answer.status_code == 200, answer.text
            return self.trips.redis, len(self.trips.sql)


async def test_each_grant_costs_what_it_costs(
    city: City, provider: Person, lin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    public, keyed, holder = await registered(provider, scopes=SCOPES), Keyed(city), Holder(city)
    await keyed.register(provider)
    by_secret = await registered(provider, scopes=SCOPES)
    header = basic(by_secret, await secret_of(city, by_secret))
    holder.nonce = (await holder.posts("/oauth/token", x="y")).headers["dpop-nonce"]
    counting = Counting(city, monkeypatch)

    async def trade(client: str) -> dict[str, Any]:
        code = await code_for(city, client, lin)
        return {"grant_type": "authorization_code", "code": code, "redirect_uri": PLACE, "code_verifier": VERIFIER}

    async def renewal(client: str) -> dict[str, Any]:
        return {"grant_type": "refresh_token", "refresh_token": (await opened(city, client, lin))["refresh_token"]}

    async def renewal_of(client: Keyed) -> dict[str, Any]:
        form = await trade(client.id) | client.proof()
        async with city.browser() as http:
            body = (await http.post("/oauth/token", data=form)).json()
        return {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}

    proven = {"dpop": holder.proof("POST", "/oauth/token")}
    code = await trade(public) | {"client_id": public}
    seen = {
        # a code is one statement, which is the commit, with the assertion in it; one more asks for her language
        "code": await counting.of(code),
        "code, again": await counting.of(code),
        "code, by a key": await counting.of(await trade(keyed.id) | keyed.proof()),
        "code, by a secret": await counting.of(await trade(by_secret), authorization=header),
        "code, with a proof": await counting.of(await trade(public) | {"client_id": public}, **proven),
        # a refresh is one statement, and one more asks what she allows now; an assertion is used up by itself,
        # in a transaction
        "refresh": await counting.of(await renewal(public) | {"client_id": public}),
        "refresh, the resident app's": await counting.of(
            {"grant_type": "refresh_token", "refresh_token": lin.refresh_token}
        ),
        "refresh, by a key": await counting.of(await renewal_of(keyed) | keyed.proof()),
        "client, by a key": await counting.of({"grant_type": "client_credentials", **keyed.proof()}),
        "client, by a secret": await counting.of({"grant_type": "client_credentials"}, authorization=header),
    }
    assert seen == {
        "code": (0, 2),
        "code, again": (0, 3),
        "code, by a key": (0, 2),
        "code, by a secret": (0, 2),
        "code, with a proof": (1, 2),
        "refresh": (0, 2),
        "refresh, the resident app's": (0, 1),
        "refresh, by a key": (0, 5),
        "client, by a key": (0, 3),
        "client, by a secret": (0, 0),
    }
