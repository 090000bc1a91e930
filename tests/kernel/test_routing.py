"""Routes are found by their segments."""

from uuid import UUID, uuid4

import pytest
from starlette.responses import Response

from app_server.kernel.problems import MethodNotAllowed, NotFound
from app_server.kernel.routing import RouteTable, delete, get, post
from app_server.kernel.state import AppRequest


async def here(request: AppRequest) -> Response:
    """Somewhere."""
    return Response()


TABLE = RouteTable(
    [
        get("/", here),
        get("/v1/cards", here),
        post("/v1/cards", here),
        get("/v1/cards/{card_id:uuid}", here),
        get("/v1/cards/{card_id:uuid}/code", here),
        get("/v1/verifiers/me", here),
        delete("/v1/verifiers/{verifier_id:uuid}", here),
        get("/static/{path:path}", here),
        get("/problems/{code}", here),
    ]
)


def test_a_path_leads_to_its_route_and_its_parameters() -> None:
    card = uuid4()
    route, parameters = TABLE.find("GET", f"/v1/cards/{card}/code")
    assert route.path == "/v1/cards/{card_id:uuid}/code"
    assert parameters == {"card_id": UUID(str(card))}
    assert TABLE.find("HEAD", "/v1/cards")[0].method == "GET"
    assert TABLE.find("GET", "/static/js/app.js")[1] == {"path": "js/app.js"}
    assert TABLE.find("GET", "/verifiers/me".join(["/v1", ""]))[0].path == "/v1/verifiers/me"
    assert TABLE.find("GET", "/problems/not_found")[1] == {"code": "not_found"}


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/cards/", "/v1/cards/nonsense", "/v1/cards//code", "", "/problems/", "/v1/cards/x/code"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    with pytest.raises(NotFound):
        TABLE.find("GET", path)


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        TABLE.find("DELETE", "/v1/cards")
    assert refused.value.headers == {"Allow": "GET, POST"}


def test_two_routes_for_one_thing_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="twice"):
        RouteTable([get("/a", here), get("/a", here)])
    with pytest.raises(ValueError, match="otherwise"):
        RouteTable([get("/a/{x}", here), get("/a/{y}", here)])
