"""The same wrong requests to the city and to npm `oidc-provider`: each difference stands here with its reason."""

import base64
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx2
import pytest
from joserfc.jwk import ECKey

from tests.relying_parties.conftest import PLACE, Register, Served
from tests.relying_parties.differential import (
    FORM,
    VERIFIER,
    Pairs,
    Provider,
    asks,
    code_of_the_other,
    heard,
    metadata_of,
    other_provider,
    posts,
)

Case = Callable[[Provider, str], str]
Changes = dict[str, str | None]  # None leaves a parameter out

LONG = "a" * 10_000
PARAMETERS = ("client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge")
QUESTIONS: dict[str, Changes] = {
    "as it should be": {},
    **{f"no {name}": {name: None} for name in (*PARAMETERS, "code_challenge_method")},
    **{f"empty {name}": {name: ""} for name in (*PARAMETERS, "code_challenge_method")},
    **{f"{name} of 10,000 characters": {name: LONG} for name in PARAMETERS},
    **{f"{name} with NUL": {name: "a\0b"} for name in PARAMETERS},
    **{f"{name} with a line end": {name: "a\r\nSet-Cookie: x=1"} for name in PARAMETERS},
    "client unknown": {"client_id": "nobody"},
    "client that is a script": {"client_id": "<script>alert(1)</script>"},
    "redirect_uri with a slash more": {"redirect_uri": f"{PLACE}/"},
    "redirect_uri with a query": {"redirect_uri": f"{PLACE}?a=1"},
    "redirect_uri with a fragment": {"redirect_uri": f"{PLACE}#a"},
    "redirect_uri in capitals": {"redirect_uri": PLACE.upper()},
    "redirect_uri of a script": {"redirect_uri": "javascript:alert(1)"},
    "redirect_uri without a scheme": {"redirect_uri": "//127.0.0.1:9/back"},
    "redirect_uri with a user": {"redirect_uri": PLACE.replace("//", "//clinic@")},
    "redirect_uri above itself": {"redirect_uri": f"{PLACE}/../back"},
    **{
        f"response_type {kind}": {"response_type": kind}
        for kind in ("token", "id_token", "code token", "code id_token", "none", "CODE", "code code", "bogus")
    },
    **{
        f"response_mode {mode}": {"response_mode": mode}
        for mode in ("fragment", "query.jwt", "web_message", "bogus", "")
    },
    "response_mode form_post, and wrong": {"response_mode": "form_post", "response_type": "token"},
    "challenge plain": {"code_challenge_method": "plain", "code_challenge": VERIFIER},
    "challenge by s256": {"code_challenge_method": "s256"},
    "challenge by bogus": {"code_challenge_method": "bogus"},
    "challenge too short": {"code_challenge": "a" * 42},
    "challenge too long": {"code_challenge": "a" * 129},
    "challenge padded": {"code_challenge": "a" * 43 + "="},
    "challenge not base64url": {"code_challenge": "+" * 43},
    "scope without openid": {"scope": "profile"},
    "scope unknown": {"scope": "openid bogus"},
    "scope openid twice": {"scope": "openid openid"},
    "scope with commas": {"scope": "openid,profile"},
    **{
        f"prompt {prompt}": {"prompt": prompt}
        for prompt in ("none", "none login", "bogus", "LOGIN", "login consent", "")
    },
    **{f"max_age {age}": {"max_age": age} for age in ("-1", "abc", "1.5", "0", "99999999999999999999", "", "0x10")},
    "request object by value": {"request": "eyJhbGciOiJub25lIn0.e30."},
    "request_uri elsewhere": {"request_uri": "https://clinic.example/request.jwt"},
    "request_uri never pushed": {"request_uri": "urn:ietf:params:oauth:request_uri:bogus"},
    "request and request_uri": {"request": "a.b.c", "request_uri": "https://clinic.example/r"},
    "registration": {"registration": "{}"},
    "claims that are no JSON": {"claims": "{"},
    "claims that are a list": {"claims": "[]"},
    "id_token_hint that is none": {"id_token_hint": "bogus"},
    "id_token_hint unsigned": {"id_token_hint": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."},
    "resource without a scheme": {"resource": "bogus"},
    "resource with a fragment": {"resource": "https://clinic.example/#a"},
    "acr_values unknown": {"acr_values": "urn:nobody:knows"},
    "ui_locales unknown": {"ui_locales": "tlh xx-yy"},
    "display bogus": {"display": "bogus"},
    "login_hint": {"login_hint": "<b>somebody</b>"},
    "a parameter that nobody knows": {"bogus": "1"},
    "dpop_jkt that is no thumbprint": {"dpop_jkt": "bogus"},
}

GRANT = {"grant_type": "authorization_code", "redirect_uri": PLACE, "code_verifier": VERIFIER}
TRADES: dict[str, Changes] = {
    "as it should be": {},
    **{f"no {name}": {name: None} for name in ("grant_type", "client_id", "code", "redirect_uri", "code_verifier")},
    **{f"empty {name}": {name: ""} for name in ("grant_type", "client_id", "code", "redirect_uri", "code_verifier")},
    **{
        f"{name} of 10,000 characters": {name: LONG}
        for name in ("grant_type", "client_id", "code", "redirect_uri", "code_verifier")
    },
    **{f"{name} with NUL": {name: "a\0b"} for name in ("grant_type", "client_id", "code", "redirect_uri")},
    "grant unknown": {"grant_type": "bogus"},
    "password grant": {"grant_type": "password", "username": "lin", "password": "secret"},
    "implicit as a grant": {"grant_type": "implicit"},
    "client unknown": {"client_id": "nobody"},
    "code unknown": {"code": "bogus"},
    "another place": {"redirect_uri": "https://clinic.example/other"},
    "another verifier": {"code_verifier": "w" * 43},
    "verifier too short": {"code_verifier": "v" * 42},
    "verifier too long": {"code_verifier": "v" * 129},
    "verifier with a sign that is not allowed": {"code_verifier": "v" * 42 + "+"},
    "a secret that it does not have": {"client_secret": "secret"},
    "an assertion that it cannot make": {
        "client_assertion": "a.b.c",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    },
    "a parameter that nobody knows": {"bogus": "1"},
}


def trade(provider: Provider, fresh: str, **changes: str | None) -> Pairs:
    form = {**GRANT, "client_id": provider.client, "code": fresh}
    return [(name, value) for name, value in (form | changes).items() if value is not None]


def proven(assertion: str, **given: str) -> Pairs:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return [*({"client_assertion_type": kind} | given).items(), ("client_assertion", assertion)]


ASSERTIONS: dict[str, Callable[[Provider], str]] = {
    "as it should be": lambda p: p.assertion(),
    "no exp": lambda p: p.assertion(exp=None),
    "no jti": lambda p: p.assertion(jti=None),
    "no aud": lambda p: p.assertion(aud=None),
    "no iss": lambda p: p.assertion(iss=None),
    "no sub": lambda p: p.assertion(sub=None),
    "another audience": lambda p: p.assertion(aud="https://other.example"),
    "another subject": lambda p: p.assertion(sub="other"),
    "another issuer": lambda p: p.assertion(iss="other"),
    "expired": lambda p: p.assertion(exp=1),
    "not yet": lambda p: p.assertion(nbf=9_999_999_999),
    "exp as text": lambda p: p.assertion(exp="9999999999"),
    "jti as a number": lambda p: p.assertion(jti=1),
    "of nothing": lambda _: "",
    "no JWT": lambda _: "bogus",
    "unsigned": lambda p: _unsigned(p.assertion()),
    "one bit changed": lambda p: p.assertion()[:-8] + "AAAAAAAA",
    "a kid that nobody has": lambda p: p.assertion({"kid": "other"}),
}


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


DIFFERENCES: dict[str, tuple[str, ...]] = {
    "RFC 6749 §3.3 names invalid_scope for a scope that is missing or of no use; the other says invalid_request": (
        *("authorize: no scope", "authorize: empty scope"),
        *("authorize: scope without openid", "authorize: scope with commas"),
    ),
    "a value that is too long or not printable is refused for that, whatever it should have been": (
        *(f"authorize: {name} of 10,000 characters" for name in ("response_type", "state", "nonce")),
        *(f"authorize: {name} with NUL" for name in ("response_type", "scope", "state", "nonce")),
        *(f"authorize: {name} with a line end" for name in ("response_type", "scope", "state", "nonce")),
    ),
    "the city has one response type and says so; the other looks first for what its others would need": (
        *(f"authorize: response_type {kind}" for kind in ("id_token", "code id_token", "none", "code code")),
    ),
    "no RFC names unsupported_response_mode; and fragment is for the implicit flow, which the city does not have": (
        *(f"authorize: response_mode {mode}" for mode in ("fragment", "query.jwt", "web_message", "bogus")),
    ),
    "max_age is a number of seconds in decimal; the other reads it as JavaScript does": ("authorize: max_age 0x10",),
    "without a request nobody knows where to send an answer: the person is told": (
        "authorize: request_uri never pushed",
    ),
    "OpenID Connect Core §3.1.2.1: the authorization endpoint takes POST, too; the other leaves it out": (
        "authorize: posted",
    ),
    "a client that does not say who it is has not proven itself: invalid_client (RFC 6749 §5.2)": (
        *("code: no client_id", "code: empty client_id", "push: no client", "revoke: by nobody"),
        *("code: an assertion that it cannot make", "assertion: no JWT", "assertion: of another kind"),
    ),
    "RFC 7636 §4.6 is about a verifier that does not match; one that is missing is a request that is not whole": (
        *("code: no code_verifier", "code: empty code_verifier"),
    ),
    "RFC 9110 §15.5.6: a method that is not allowed is 405": ("code: by GET", "push: by GET"),
    "a client whose answer was lost asks again, and within 30 seconds gets the session that its code opened": (
        "code: used before",
    ),
    "RFC 9449 §10: dpop_jkt is a thumbprint, and nothing else can ever match one": (
        "authorize: dpop_jkt that is no thumbprint",
    ),
    "a secret in a form is taken from nobody, so the request is wrong, whoever sends it": (
        "code: a secret that it does not have",
    ),
    "the grant exists, for clients that can prove themselves (RFC 6749 §5.2)": ("itself: without a key",),
    "who asks about a token has to prove who they are (RFC 7662 §2.1)": ("introspect: without a key",),
    "RFC 6750 §3.1: no error code where no token came; any other header is a token that is no good": (
        *("userinfo: nothing", "userinfo: no token", "userinfo: another scheme", "userinfo: the token in the query"),
    ),
}


def asked(changes: Changes | None = None, *, twice: str | None = None, method: str = "GET") -> Case:
    def case(provider: Provider, _: str) -> str:
        pairs = provider.question(**changes or {})
        return asks(provider, pairs + [pair for pair in pairs if pair[0] == twice], method=method)

    return case


def traded(
    changes: Changes | None = None, *, twice: str | None = None, times: int = 1, authorization: str | None = None
) -> Case:
    def case(provider: Provider, code: str) -> str:
        pairs = trade(provider, code, **changes or {})
        pairs += [pair for pair in pairs if pair[0] == twice]
        headers = {"authorization": authorization} if authorization else {}
        return [posts(provider, "token", pairs, **headers) for _ in range(times)][-1]

    return case


def posted(endpoint: str, make: Callable[[Provider], Pairs], times: int = 1) -> Case:
    def case(provider: Provider, _: str) -> str:
        pairs = make(provider)
        return [posts(provider, endpoint, pairs) for _ in range(times)][-1]

    return case


def by_client(endpoint: str, **given: str) -> Case:
    return posted(endpoint, lambda provider: [("client_id", provider.client), *given.items()])


def by_key(make: Callable[[Provider], str], times: int = 1, **given: str) -> Case:
    return posted("introspection", lambda provider: proven(make(provider), **given), times)


def pushed(twice: str | None = None, **changes: str | None) -> Case:
    def make(provider: Provider) -> Pairs:
        pairs = provider.question(**changes)
        return pairs + [pair for pair in pairs if pair[0] == twice]

    return posted("pushed_authorization_request", make)


def looked(headers: dict[str, str] | None = None, params: dict[str, str] | None = None) -> Case:
    return lambda provider, _: heard(httpx2.get(provider.place("userinfo"), headers=headers, params=params))


TOKENS = {"unknown": "bogus", "empty": "", "with NUL": "a\0b", "of 10,000 characters": LONG}
HEADERS = {
    "nonsense": "Bearer bogus",
    "no token": "Bearer",
    "another scheme": "Basic YTpi",
    "a JWT that nobody signed": "Bearer eyJhbGciOiJub25lIn0.e30.",
}
CASES: dict[str, Case] = {
    **{f"authorize: {name}": asked(changes) for name, changes in QUESTIONS.items()},
    **{f"authorize: {name} twice": asked(twice=name) for name in PARAMETERS},
    "authorize: posted": asked(method="POST"),
    "authorize: posted without redirect_uri": asked({"redirect_uri": None}, method="POST"),
    **{f"code: {name}": traded(changes) for name, changes in TRADES.items()},
    **{f"code: {name} twice": traded(twice=name) for name in ("grant_type", "code", "client_id")},
    "code: used before": traded(times=2),
    "code: two proofs": traded(authorization="Basic YTpi"),
    "code: by JSON": lambda p, code: heard(httpx2.post(p.place("token"), json=dict(trade(p, code)))),
    "code: by GET": lambda p, code: heard(httpx2.get(p.place("token"), params=dict(trade(p, code)))),
    "code: in the query": lambda p, code: heard(
        httpx2.post(p.place("token"), params=dict(trade(p, code)), headers={"content-type": FORM})
    ),
    **{
        f"refresh: {name}": by_client("token", grant_type="refresh_token", refresh_token=token)
        for name, token in TOKENS.items()
    },
    "refresh: none": by_client("token", grant_type="refresh_token"),
    "itself: without a key": by_client("token", grant_type="client_credentials"),
    **{f"revoke: {name}": by_client("revocation", token=token) for name, token in TOKENS.items()},
    "revoke: nothing": by_client("revocation"),
    "revoke: by nobody": posted("revocation", lambda _: [("token", "bogus")]),
    "revoke: an unknown kind of token": by_client("revocation", token="bogus", token_type_hint="bogus"),
    **{f"assertion: {name}": by_key(make, token="bogus") for name, make in ASSERTIONS.items()},
    "assertion: used before": by_key(ASSERTIONS["as it should be"], times=2, token="bogus"),
    "assertion: of another kind": by_key(lambda _: "a.b.c", client_assertion_type="bogus", token="bogus"),
    "introspect: nothing": by_key(ASSERTIONS["as it should be"]),
    "introspect: without a key": by_client("introspection", token="bogus"),
    "push: as it should be": pushed(),
    "push: a name for another": pushed(request_uri="urn:x"),
    "push: no client": pushed(client_id=None),
    "push: an unknown client": pushed(client_id="nobody"),
    "push: another place": pushed(redirect_uri="https://other.example/"),
    "push: no place": pushed(redirect_uri=None),
    "push: another kind of response": pushed(response_type="token"),
    "push: no challenge": pushed(code_challenge=None),
    "push: state twice": pushed(twice="state"),
    "push: by GET": lambda p, _: heard(httpx2.get(p.place("pushed_authorization_request"), params=dict(p.question()))),
    "userinfo: nothing": looked(),
    **{f"userinfo: {name}": looked(headers={"authorization": value}) for name, value in HEADERS.items()},
    "userinfo: the token in the query": looked(params={"access_token": "bogus"}),
}


@pytest.fixture(scope="module")
def ours(served: Served, register: Register) -> Provider:
    metadata, party = metadata_of(served.url), register("ES256")
    assert party.key
    return Provider(
        issuer=served.url,
        metadata=metadata,
        client=register().client_id,
        keyed=party.client_id,
        redirect_uri=PLACE,
        key=ECKey.import_key(party.key),
    )


@pytest.fixture(scope="module")
def theirs(ours: Provider) -> Iterator[Provider]:
    with other_provider(ours.client, PLACE, ours.key) as provider:
        yield provider


def test_each_difference_is_known(served: Served, ours: Provider, theirs: Provider) -> None:
    """And the city never breaks, whatever comes."""
    resident, found = served.resident(), dict[str, tuple[str, str]]()
    for name, case in CASES.items():
        mine, other = "", ""
        if name.startswith("code:"):
            url = f"{ours.place('authorization')}?{urlencode(ours.question())}"
            mine, other = resident.goes(url).members["code"], code_of_the_other(theirs)
        found[name] = case(ours, mine), case(theirs, other)
    assert [name for name, (our, _) in found.items() if our.startswith(("broken", "5"))] == []
    differs = {name: both for name, both in found.items() if both[0] != both[1]}
    known = {name for names in DIFFERENCES.values() for name in names}
    assert {name: both for name, both in differs.items() if name not in known} == {}
    assert known - differs.keys() == set()
