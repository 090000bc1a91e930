"""No forged token is taken: as an access token, as a client's assertion, as the proof of a key."""

import base64
import json
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.actors import Person
from tests.authorization.forgeries import Forgery, Genuine, all_forgeries, b64, written
from tests.authorization.holders import Holder
from tests.authorization.test_client_sessions import ASSERTION_TYPE, Keyed, opened
from tests.city import City


async def test_no_forged_access_token_is_taken(city: City, clinic: str, lin: Person) -> None:
    token = (await opened(city, clinic, lin, "openid profile"))["access_token"]
    header, claims = (json.loads(_raw(part)) for part in token.split(".")[:2])
    genuine = Genuine(header=header, claims=claims, key=city.state["keys"].signing_key.private)
    forged = all_forgeries(genuine, without=("sub: ",))  # that one is ours to say: what it is, is not looked at
    ours = city.state["keys"]
    forged.append(("kid: of the gateway", genuine.token({**header, "kid": ours.gateway_kid})))
    forged.append(("aud: another resource server", genuine.token(claims={**claims, "aud": "https://api.example"})))
    id_token = (await opened(city, clinic, lin, "openid profile"))["id_token"]
    forged.append(("an ID token", id_token))
    accepted = [name for name, each in forged if (await _looks(city, f"Bearer {each}")) != 401]
    assert (len(forged) > 250, accepted) == (True, [])
    assert await _looks(city, f"Bearer {genuine.token()}") == 200


async def test_no_forged_assertion_proves_a_client(city: City, provider: Person) -> None:
    keyed = Keyed(city)
    await keyed.register(provider)

    def genuine() -> Genuine:
        now = int(city.clock().timestamp())
        claims = {"iss": keyed.id, "sub": keyed.id, "aud": city.settings.base_url, "iat": now, "exp": now + 60}
        header = {"alg": "ES256", "kid": "1"}
        return Genuine(header=header, claims=claims | {"jti": str(uuid4())}, key=keyed.key)

    forged = all_forgeries(genuine(), without=("typ: ",))  # an assertion has none, or any (RFC 7523)
    claims = dict(genuine().claims)
    for jti in (None, "", 0, "short", "x" * 129, ["x" * 20], "no text for a table \0", "\ud800" * 10):
        forged.append((f"jti: {jti!r:.20}", genuine().token(claims={**claims, "jti": jti})))
    forged.append(("exp: too far away", genuine().token(claims={**claims, "exp": claims["exp"] + 4000})))
    forged.append(("exp: beyond all numbers", genuine().token(claims={**claims, "exp": 10**400})))
    accepted = [name for name, each in forged if (await _proves(city, each)) not in (400, 401)]
    assert (len(forged) > 250, accepted) == (True, [])
    assert await _proves(city, genuine().token()) == 200
    assert city.state["ports"].clients.find(keyed.id) is not None


async def test_no_forged_proof_of_a_key_is_taken(city: City, provider: Person) -> None:
    keyed, holder = Keyed(city), Holder(city)
    await keyed.register(provider)
    holder.nonce = (await holder.posts("/oauth/token", grant_type="x")).headers["dpop-nonce"]
    assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
    jwk = {name: holder.jwk[name] for name in ("kty", "crv", "x", "y")}

    def genuine() -> Genuine:
        header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}
        assert isinstance(holder.key, ec.EllipticCurvePrivateKey)
        return Genuine(header=header, claims=holder.claims("POST", "/oauth/token"), key=holder.key)

    # A proof has no `nbf`; and a thief with a key of his own proves that he holds it: his tokens are his.
    forged = all_forgeries(genuine(), without=("nbf: ", "header: jwk of the thief's"))
    forged += _other_keys(genuine(), holder.key)
    accepted = [name for name, each in forged if (await _holds(city, keyed, each)) != 400]
    assert (len(forged) > 250, accepted) == (True, [])
    assert await _holds(city, keyed, genuine().token()) == 200


def _other_keys(genuine: Genuine, key: ec.EllipticCurvePrivateKey) -> list[Forgery]:
    jwk = dict(genuine.header["jwk"])
    secret = ECAlgorithm.to_jwk(key, as_dict=True)
    rsa_key = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key(), as_dict=True)
    others: dict[str, Any] = {
        "none": None,
        "a text": json.dumps(jwk),
        "a list": [jwk],
        "empty": {},
        "private": secret,
        "with d empty": {**jwk, "d": ""},
        "with d null": {**jwk, "d": None},
        "without y": {name: value for name, value in jwk.items() if name != "y"},
        "without kty": {name: value for name, value in jwk.items() if name != "kty"},
        "kty in small letters": {**jwk, "kty": "ec"},
        "kty a list": {**jwk, "kty": ["EC"]},
        "kty OKP": {**jwk, "kty": "OKP"},
        "of RSA": rsa_key,
        "a shared secret": {"kty": "oct", "k": b64(b"k" * 32)},
        "crv P-384": {**jwk, "crv": "P-384"},
        "crv secp256k1": {**jwk, "crv": "secp256k1"},
        "crv null": {**jwk, "crv": None},
        "x a number": {**jwk, "x": 1},
        "x padded": {**jwk, "x": jwk["x"] + "="},
        "x not base64url": {**jwk, "x": "!" * 43},
        "x not ASCII": {**jwk, "x": "榕" * 43},
        "x with a zero before it": {**jwk, "x": b64(b"\0" + _raw(jwk["x"]))},
        "x short": {**jwk, "x": b64(_raw(jwk["x"])[1:])},
        "off the curve": {**jwk, "x": b64(bytes(31) + b"\x02"), "y": b64(bytes(31) + b"\x02")},
        "at infinity": {**jwk, "x": b64(bytes(32)), "y": b64(bytes(32))},
        "with a certificate": {**jwk, "x5c": ["MIIB"]},
        "with an address": {**jwk, "x5u": "https://thief.example"},
        "with k": {**jwk, "k": "x"},
        "another": ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True),
    }
    forged = [(f"jwk: {what}", genuine.token({**genuine.header, "jwk": other})) for what, other in others.items()]
    kid = {name: value for name, value in genuine.header.items() if name != "jwk"} | {"kid": "1"}
    forged.append(("jwk: a kid instead", genuine.token(kid)))
    twice = written(genuine.header).replace(b'"kty":', b'"crv":"P-256","kty":')
    forged.append(("jwk: crv twice", genuine.signed(twice, written(genuine.claims))))
    return forged


async def _looks(city: City, authorization: str) -> int:
    async with city.browser() as http:
        return (await http.get("/oauth/userinfo", headers={b"authorization": authorization.encode()})).status_code


async def _proves(city: City, assertion: str) -> int:
    form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    async with city.browser() as http:
        return (await http.post("/oauth/token", data=form)).status_code


async def _holds(city: City, keyed: Keyed, proof: str) -> int:
    form = {"grant_type": "client_credentials", **keyed.proof()}
    async with city.browser() as http:
        return (await http.post("/oauth/token", data=form, headers={b"dpop": proof.encode()})).status_code


def _raw(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
