"""The page of the demo's outside provider: who are you? Each answer is a link back. Only in the demo."""

from urllib.parse import urlencode

from starlette.responses import Response

from app_server.gateway.provider_simulator import PLACE, client_of, code_for, issuer
from app_server.gateway.register_simulator import PEOPLE
from app_server.identity.outside.checks import redirect_uri
from app_server.kernel.access import Anonymous, access
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get
from app_server.kernel.settings import Mode
from app_server.kernel.state import AppRequest
from app_server.pages.render import page
from app_server.pages.sign_in import PRIVATE


@access(Anonymous)
async def demo_provider(request: AppRequest) -> Response:
    """The simulated people to be, and a way to stop. Elsewhere than in the demo there is no such page."""
    state, asked = request.state, request.query_params
    if state["settings"].mode is not Mode.DEMO:
        raise NotFound()
    back = redirect_uri(client_of(state), state)
    if asked.get("redirect_uri") != back:
        raise NotFound()
    said = {"state": asked.get("state", ""), "iss": issuer(state["settings"])}
    people = {
        name: f"{back}?{urlencode({'code': code_for(number, asked, state), **said})}" for number, name in PEOPLE.items()
    }
    stop = f"{back}?{urlencode({'error': 'access_denied', **said})}"
    return page(request, "demo-provider.html", headers=PRIVATE, people=people, stop=stop)


demo_provider_routes = [get(f"{PLACE}/authorize", demo_provider)]
