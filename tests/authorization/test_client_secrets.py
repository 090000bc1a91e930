"""A client that the city gave a secret proves itself by it (`client_secret_basic`), and others cannot."""

import asyncio
from base64 import b64encode
from collections import Counter
from typing import Any
from urllib.parse import quote_plus

import httpx2
import pytest

from app_server.authorization.client_secrets import WRONG_ONES, give_secret
from app_server.authorization.registered import registered_clients
from tests.actors import Person
from tests.authorization.relying_parties import CLINIC, PLACE, VERIFIER, registered
from tests.authorization.test_client_sessions import SCOPES, Keyed, code_for
from tests.city import City


async def secret_of(city: City, client_id: str) -> str:
    """A secret that the city gives the client."""
    secret = await give_secret(client_id, reason="an old library", by="test")
    assert secret is not None
    await registered_clients(city.state).refresh()
    return secret


def basic(client_id: str, secret: str) -> str:
    """The header, as RFC 6749 §2.3.1 has it."""
    return f"Basic {b64encode(f'{quote_plus(client_id)}:{quote_plus(secret)}'.encode()).decode()}"


async def asked(city: City, authorization: str | None, path: str = "/oauth/token", **form: str) -> httpx2.Response:
    headers = {"authorization": authorization} if authorization else {}
    async with city.browser(**headers) as http:
        return await http.post(path, data={"grant_type": "client_credentials"} | form)


@pytest.fixture
async def clinic(provider: Person) -> str:
    return await registered(provider, scopes=SCOPES)


async def test_a_secret_proves_the_client_at_every_endpoint(city: City, clinic: str, lin: Person) -> None:
    proof = basic(clinic, await secret_of(city, clinic))
    form = {"grant_type": "authorization_code", "redirect_uri": PLACE, "code_verifier": VERIFIER}
    code = await code_for(city, clinic, lin)
    assert (await asked(city, None, **form, code=code, client_id=clinic)).json()["error"] == "invalid_client"
    body = (await asked(city, proof, **form, code=code)).json()
    again = {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert (await asked(city, None, **again, client_id=clinic)).json()["error"] == "invalid_client"
    body = (await asked(city, proof, **again)).json()
    state = (await asked(city, proof, "/oauth/introspect", token=body["access_token"])).json()
    assert (state["active"], state["client_id"]) == (True, clinic)
    assert (await asked(city, proof, "/oauth/revoke", token=body["refresh_token"])).status_code == 200
    assert (await asked(city, proof, "/oauth/introspect", token=body["access_token"])).json() == {"active": False}
    pushed = {"response_type": "code", "redirect_uri": PLACE, "scope": "openid", "code_challenge": "c" * 43}
    answer = await asked(city, proof, "/oauth/par", **pushed, client_id=clinic, code_challenge_method="S256")
    assert answer.status_code == 201, answer.text


async def test_a_secret_and_the_one_before_are_good_and_kept_nowhere(city: City, clinic: str) -> None:
    secrets = [await secret_of(city, clinic) for _ in range(3)]
    answers = [(await asked(city, basic(clinic, secret))).status_code for secret in secrets]
    assert answers == [401, 200, 200]
    (row,) = await city.rows("SELECT * FROM core_registered_client")
    assert not [secret for secret in secrets if secret in repr(row)]
    acts = await city.rows("SELECT actor_id, reason FROM core_audit_entry WHERE action = 'client.secret_given'")
    assert [tuple(act) for act in acts] == [("test", "an old library")] * 3
    assert await give_secret("c_nobody", reason="x", by="test") is None


async def test_secrets_given_at_once_leave_two(city: City, clinic: str) -> None:
    secrets = await asyncio.gather(*(give_secret(clinic, reason="x", by="test") for _ in range(5)))
    await registered_clients(city.state).refresh()
    good = [(await asked(city, basic(clinic, str(secret)))).status_code for secret in secrets]
    assert Counter(good) == {200: 2, 401: 3}


@pytest.mark.parametrize(
    "change",
    [
        lambda client, secret: basic(client, secret + "x"),
        lambda client, secret: basic(client, secret[:-1]),
        lambda client, secret: basic(client, secret.upper()),
        lambda client, secret: basic(client, ""),
        lambda client, secret: basic(client, "\0"),
        lambda client, secret: basic("c_nobody", secret),
        lambda client, secret: basic("library", secret),
        lambda client, secret: basic("banyan", secret),
        lambda client, secret: basic("", secret),
        lambda client, secret: basic(f"{client}\0", secret),
        lambda client, secret: f"Basic {b64encode(f'{client}{secret}'.encode()).decode()}",
        lambda client, secret: f"Basic {b64encode(f'{client}:{secret}:x'.encode()).decode()}",
        lambda client, secret: f"Basic {b64encode(f'{client}:{secret}'.encode()).decode().rstrip('=')[:-1]}",
        lambda client, secret: f"Basic {b64encode(b'%ff:%ff').decode()}",
        lambda client, secret: f"Basic {b64encode(bytes([255, 58, 255])).decode()}",
        lambda client, secret: f"Basic {client}:{secret}",
        lambda client, secret: "Basic ",
        lambda client, secret: "basic !",
        lambda client, secret: f"Basic {'A' * 5000}",
    ],
)
async def test_a_wrong_secret_is_told_as_the_standard_orders(city: City, clinic: str, change: Any) -> None:
    refused = await asked(city, change(clinic, await secret_of(city, clinic)))
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client"), refused.text
    assert refused.headers["www-authenticate"].startswith("Basic ")


async def test_both_parts_are_form_encoded(city: City, clinic: str) -> None:
    secret = await secret_of(city, clinic)
    encoded = "".join(f"%{ord(letter):02x}" for letter in secret)
    header = f"bAsIc {b64encode(f'{clinic}:{encoded}'.encode()).decode()}"
    assert (await asked(city, header)).status_code == 200


async def test_a_client_proves_itself_in_one_way(city: City, provider: Person, clinic: str) -> None:
    keyed = Keyed(city)
    await keyed.register(provider)
    secret = await secret_of(city, clinic)
    proof = basic(clinic, secret)
    for form in (keyed.proof(), {"client_id": keyed.id}, {"client_secret": secret}, {"client_secret": "x"}):
        refused = await asked(city, proof, **form)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request"), form
    posted = await asked(city, None, client_id=clinic, client_secret=secret)
    assert posted.json()["error"] == "invalid_request"
    async with city.browser() as http:
        twice = httpx2.Headers([("authorization", proof), ("authorization", proof)])
        refused = await http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=twice)
    assert refused.json()["error"] == "invalid_client"
    assert (await asked(city, basic(keyed.id, secret))).json()["error"] == "invalid_client"
    await secret_of(city, keyed.id)
    assert (await asked(city, None, **keyed.proof())).json()["error"] == "invalid_client"  # its key is taken away


async def test_whoever_guesses_is_slowed_down_and_keeps_nobody_out(city: City, clinic: str) -> None:
    secret = await secret_of(city, clinic)
    for _ in range(WRONG_ONES.most):
        assert (await asked(city, basic(clinic, "wrong"))).status_code == 401
    slowed = await asked(city, basic(clinic, "wrong"))
    assert (slowed.status_code, "retry-after" in slowed.headers) == (429, True)
    assert (await asked(city, basic(clinic, secret))).status_code == 200


async def test_only_the_city_gives_secrets_and_a_provider_may_do_without_again(
    city: City, provider: Person, clinic: str
) -> None:
    wish = {**CLINIC, "proof": "client_secret_basic"}
    for refused in (
        await provider.post("/v1/provider/clients", json=wish),
        await provider.http.put(f"/v1/provider/clients/{clinic}", json=wish),
    ):
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/proof")
    secret = await secret_of(city, clinic)
    kept = await provider.http.put(f"/v1/provider/clients/{clinic}", json=wish)
    assert (kept.status_code, kept.json()["proof"]) == (200, "client_secret_basic")
    assert "secret" not in kept.text.replace("client_secret_basic", "")
    await registered_clients(city.state).refresh()
    assert (await asked(city, basic(clinic, secret))).status_code == 200
    await provider.http.put(f"/v1/provider/clients/{clinic}", json=CLINIC)
    await registered_clients(city.state).refresh()
    assert (await asked(city, basic(clinic, secret))).json()["error"] == "invalid_client"
    (row,) = await city.rows("SELECT secret_hashes FROM core_registered_client")
    assert row["secret_hashes"] is None
