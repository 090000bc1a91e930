"""The same requests to the city and to another provider, and what each made of them."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from pathlib import Path
from subprocess import PIPE, Popen
from time import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
FORM = "application/x-www-form-urlencoded"

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """An OpenID Provider: where its metadata says things are, its two clients, and a way to get a code from it."""

    issuer: str
    metadata: dict[str, Any]
    client: str
    keyed: str
    redirect_uri: str
    key: ECKey  # of the client `keyed`

    def place(self, name: str) -> str:
        return str(self.metadata[f"{name}_endpoint"])

    def question(self, **changes: str | None) -> Pairs:
        """What the client without a key asks; None leaves a parameter out."""
        asked = {
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile",
            "state": "s1",
            "nonce": "n1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return [(name, value) for name, value in (asked | changes).items() if value is not None]

    def assertion(self, header: dict[str, Any] | None = None, **changes: Any) -> str:
        """The keyed client's proof; None leaves a claim out."""
        now = int(time())
        claims = {
            "iss": self.keyed,
            "sub": self.keyed,
            "aud": self.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": uuid4().hex,
        }
        told = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid} | (header or {}), told, self.key)


def metadata_of(issuer: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx2.get(f"{issuer}/.well-known/openid-configuration").json()
    return found


def asks(provider: Provider, pairs: Sequence[tuple[str, str]], *, method: str = "GET") -> str:
    """What comes of an authorization request by somebody who is not signed in: `page` (told to the person alone),
    `client: <error>`, or `goes on`.
    """
    place, body = provider.place("authorization"), urlencode(pairs)
    if method == "GET":
        answer = httpx2.get(f"{place}?{body}")
    else:
        answer = httpx2.post(place, content=body, headers={"content-type": FORM})
    if answer.headers.get("location", "").startswith("/authorize/"):
        answer = httpx2.get(provider.issuer + answer.headers["location"])  # the city keeps the request first
    if answer.status_code >= 500:
        return f"broken: {answer.status_code}"
    if target := answer.headers.get("location"):
        parts = urlsplit(target)
        came = dict(parse_qsl(parts.query or parts.fragment))
    else:
        target = "".join(re.findall(r'action="([^"]+)"', answer.text)[:1])
        came = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text))
    if unescape(target).startswith(provider.redirect_uri):
        return f"client: {came.get('error')}"
    return "page" if answer.status_code >= 400 else "goes on"


def posts(provider: Provider, endpoint: str, pairs: Sequence[tuple[str, str]], **headers: str) -> str:
    """What comes of a form: its status and the error's code."""
    answer = httpx2.post(provider.place(endpoint), content=urlencode(pairs), headers={"content-type": FORM, **headers})
    return heard(answer)


def heard(answer: httpx2.Response) -> str:
    challenge = re.findall(r'error="([^"]+)"', answer.headers.get("www-authenticate", ""))
    try:
        told = answer.json().get("error")
    except ValueError:
        told = None
    return f"{answer.status_code} {told or (challenge or [''])[0]}".strip()


def code_of_the_other(provider: Provider) -> str:
    """A code of the provider that allows everything."""
    with httpx2.Client(follow_redirects=False) as http:
        answer = http.get(f"{provider.place('authorization')}?{urlencode(provider.question())}")
        for _ in range(6):
            target = answer.headers["location"]
            if target.startswith(provider.redirect_uri):
                return dict(parse_qsl(urlsplit(target).query))["code"]
            answer = http.get(target if target.startswith("http") else provider.issuer + target)
    raise AssertionError("no code")


@contextmanager
def other_provider(client: str, redirect_uri: str, key: ECKey) -> Iterator[Provider]:
    """npm `oidc-provider` on a free port, until the tests are over."""
    public = json.dumps(key.as_dict(private=False))
    command = ["node", "oidc_provider.mjs", client, redirect_uri, public]
    with Popen(command, cwd=Path(__file__).parent, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        issuer = f"http://localhost:{int(process.stdout.readline())}"
        yield Provider(
            issuer=issuer,
            metadata=metadata_of(issuer),
            client=client,
            keyed=f"{client}-keyed",
            redirect_uri=redirect_uri,
            key=key,
        )
