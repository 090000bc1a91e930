"""The demo's outside OpenID Provider: the people of the simulated register, who prove themselves by a click. Demo mode
only. It keeps nothing: its codes are signed with the city's key, as are its ID tokens, under an issuer of its own.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

from starlette.responses import Response

from app_server.gateway.register_simulator import PEOPLE
from app_server.identity.outside.providers import providers
from app_server.identity.proofing import id_numbers
from app_server.kernel.access import Anonymous, access
from app_server.kernel.crypto import KeyRing
from app_server.kernel.outside_providers import OutsideProvider
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get, post
from app_server.kernel.schemas import read_form, reply
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppRequest, AppState
from app_server.kernel.tokens import Expectation, TokenRefused, sign, verify

PLACE = "/demo/provider"
LIFE = 60  # seconds that a code or a token is good
_CODE = "banyan-demo-code+jwt"


def settings_entry(base_url: str, secret_file: str) -> dict[str, object]:
    """The simulator as it stands in the demo's file of outside providers."""
    return {
        "id": "demo",
        "issuer": base_url + PLACE,
        "client_id": "banyan",
        "secret_file": secret_file,
        "name": {"en": "Provincial ID (simulated)", "zh-CN": "省级数字身份（模拟）"},
        "claims": {"id_number": "id_number"},
    }


def code_for(number: str, asked: Mapping[str, str], state: AppState) -> str:
    """A code for one of the people, who has just signed in."""
    issued = int(state["clock"]().timestamp())
    claims = {"iss": issuer(state["settings"]), "aud": issuer(state["settings"]), "iat": issued, "exp": issued + LIFE}
    kept = {name: asked.get(name, "") for name in ("nonce", "code_challenge", "redirect_uri")}
    return sign({**claims, "sub": number, **kept}, typ=_CODE, keys=state["keys"])


def issuer(settings: Settings) -> str:
    """The simulator's name for itself."""
    return settings.base_url + PLACE


def client_of(state: AppState) -> OutsideProvider:
    """The city, as the simulator's only client. Problem: `not_found` when its settings do not name the simulator."""
    for each in providers(state).values():
        if each.said.issuer == issuer(state["settings"]):
            return each
    raise NotFound()


@access(Anonymous)
async def metadata(request: AppRequest) -> Response:
    """The simulated provider's description of itself."""
    base = request.state["settings"].base_url
    return reply(
        {
            "issuer": base + PLACE,
            "authorization_endpoint": f"{base}{PLACE}/authorize",
            "token_endpoint": f"{base}{PLACE}/token",
            "jwks_uri": f"{base}{PLACE}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
        }
    )


@access(Anonymous)
async def jwks(request: AppRequest) -> Response:
    """The simulated provider's keys."""
    return reply(request.state["keys"].public_jwks())


@access(Anonymous)
async def token(request: AppRequest) -> Response:
    """The simulated provider redeems a code."""
    state, form = request.state, await read_form(request)
    client = client_of(state)
    basic = "Basic " + b64encode(f"{client.said.client_id}:{client.secret}".encode()).decode()
    if not compare_digest(request.headers.get("authorization", "").encode(), basic.encode()):
        return reply({"error": "invalid_client"}, status=401)
    here, now = issuer(state["settings"]), state["clock"]()
    expected = Expectation(typ=_CODE, issuer=here, audience=here)
    try:
        code = verify(form.get("code", ""), expected, state["keys"].public_keys, now)
    except TokenRefused:
        return reply({"error": "invalid_grant"}, status=400)
    challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
    if (code["code_challenge"], code["redirect_uri"]) != (challenge, form.get("redirect_uri")):
        return reply({"error": "invalid_grant"}, status=400)
    return reply(
        {
            "access_token": "none",
            "token_type": "Bearer",
            "id_token": _id_token(code["sub"], code, client, state["keys"]),
        }
    )


def _id_token(number: str, code: Mapping[str, object], client: OutsideProvider, keys: KeyRing) -> str:
    read = id_numbers.read(number)
    assert read is not None, "the simulator's own people"
    claims = {
        "iss": code["iss"],
        "aud": client.said.client_id,
        "sub": sha256(number.encode()).hexdigest()[:16],
        **{name: code[name] for name in ("nonce", "iat", "exp")},
        "auth_time": code["iat"],
        "name": PEOPLE[number],
        "birthdate": id_numbers.birthdate_of(read).isoformat(),
        "id_number": number,
    }
    return sign(claims, typ="JWT", keys=keys)


routes = [
    get(f"{PLACE}/.well-known/openid-configuration", metadata),
    get(f"{PLACE}/jwks", jwks),
    post(f"{PLACE}/token", token),
]
