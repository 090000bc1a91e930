"""Each parameter of each endpoint missing, doubled, oversized, of a wrong kind, with control characters.

The answer is one that the standards know; nothing breaks, and nothing that was sent comes back, but `state` to the
client that sent it.
"""

from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote_plus, urlencode

import pytest

from app_server.authorization.client_proof import ASSERTION_TYPE
from tests.actors import Person
from tests.authorization.relying_parties import PLACE, VERIFIER, question, registered
from tests.city import City

MARK = "zq9marked"  # stands in every wrong value, and in no answer
WRONG = {
    "empty": "",
    "oversized": MARK * 1200,
    "a script": f"<script>alert('{MARK}')</script>",
    "NUL": f"{MARK}\0",
    "a line end": f"{MARK}\r\nSet-Cookie: {MARK}=1",
    "a bell": f"{MARK}\x07",
    "right to left": f"\u202e{MARK}",
    "half a character": f"{MARK}\ud800",
    "JSON": f'{{"{MARK}": [1]}}',
    "a number": "-1e999",
    "SQL": f"' OR 1=1 -- {MARK}",
    "a path": f"../../{MARK}",
    "percent": f"%{MARK}%00",
}
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
KNOWN = {  # RFC 6749 §4.1.2.1 and §5.2, OpenID Connect Core §3.1.2.6, RFC 8628 §3.5, RFC 8707 §2, RFC 9449 §5, RFC 9126
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
    *("invalid_scope", "access_denied", "unsupported_response_type", "login_required", "consent_required"),
    *("request_not_supported", "request_uri_not_supported", "registration_not_supported", "invalid_target"),
    *("expired_token", "authorization_pending", "slow_down", "invalid_dpop_proof", "use_dpop_nonce"),
    *("unmet_authentication_requirements", "invalid_token"),
}

Form = dict[str, str]


def forms(client: str) -> dict[str, tuple[str, Form]]:
    """A sound request to each endpoint: its path, and its parameters."""
    asked = question(client) | {
        "prompt": "none",
        "max_age": "60",
        "response_mode": "query",
        "ui_locales": "en",
        "acr_values": "urn:banyan:acr:phone",
        "id_token_hint": "x",
        "login_hint": "x",
        "claims": "{}",
        "resource": "https://clinic.example/",
        "dpop_jkt": "x" * 43,
        "display": "page",
        "request": "x",
        "request_uri": "urn:x",
        "registration": "{}",
    }
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}
    code = {"grant_type": "authorization_code", "code": "x", "redirect_uri": PLACE, "code_verifier": VERIFIER}
    exchange = {"subject_token": "x", "subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    exchange |= {"audience": "x", "requested_token_type": "x", "actor_token": "x", "actor_token_type": "x"}
    common = {"client_id": client, "scope": "openid", "resource": "https://clinic.example/"}
    return {
        "authorize": ("/authorize", asked),
        "par": ("/oauth/par", asked),
        "code": ("/oauth/token", {**common, **code}),
        "code with a key": ("/oauth/token", {**common, **code, **proof}),
        "refresh": ("/oauth/token", {**common, "grant_type": "refresh_token", "refresh_token": "br_x"}),
        "app": ("/oauth/token", {**common, "grant_type": "client_credentials"}),
        "device": ("/oauth/token", {**common, "grant_type": DEVICE, "device_code": "x", "code_verifier": VERIFIER}),
        "exchange": ("/oauth/token", {**common, "grant_type": EXCHANGE, **exchange}),
        "device authorization": ("/oauth/device_authorization", {**common, "code_challenge": "x" * 43}),
        "revoke": ("/oauth/revoke", {"client_id": client, "token": "x", "token_type_hint": "access_token"}),
        "introspect": ("/oauth/introspect", {"client_id": client, "token": "x", "token_type_hint": "access_token"}),
        "end session": (
            "/end-session",
            {"client_id": client, "id_token_hint": "x", "post_logout_redirect_uri": PLACE, "state": "s"},
        ),
    }


def variants(form: Form) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for name in form:
        rest = [(other, value) for other, value in form.items() if other != name]
        yield f"no {name}", rest
        yield f"{name} twice", [*rest, (name, form[name]), (name, MARK)]
        yield f"{name}[]", [*rest, (f"{name}[]", MARK)]
        for kind, value in WRONG.items():
            yield f"{name}: {kind}", [*rest, (name, value)]


@pytest.mark.parametrize("endpoint", forms("c"))
async def test_nothing_breaks_and_nothing_comes_back(city: City, provider: Person, endpoint: str) -> None:
    client = await registered(provider)
    path, sound = forms(client)[endpoint]
    async with city.browser(**{"content-type": "application/x-www-form-urlencoded"}) as http:
        for name, pairs in variants(sound):
            answer = await http.post(path, content=urlencode(pairs, errors="surrogatepass"))
            assert answer.status_code < 500, (name, answer.text)
            told = [answer.text, *([] if name.startswith("state") else answer.headers.values())]
            said = " ".join(unescape(unquote_plus(text)) for text in told)
            assert MARK not in said, (name, said)
            assert "set-cookie" not in answer.headers, name
            if path.startswith("/oauth/") and answer.status_code >= 400:
                assert answer.json()["error"] in KNOWN, (name, answer.text)
