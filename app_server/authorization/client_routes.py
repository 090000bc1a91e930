"""A provider's clients over HTTP."""

from starlette.responses import Response

from app_server.authorization import clients
from app_server.authorization.schemas import ClientErrors, ClientPage, ClientView, DescribeClient
from app_server.kernel.access import Provider, access, actor
from app_server.kernel.idempotency import idempotent
from app_server.kernel.problems import BadCursor, NotFound, PreconditionFailed, ValidationFailed
from app_server.kernel.routing import Route, delete, describe, get, post, put
from app_server.kernel.schemas import entity_tag, matched_version, no_content, page_request, read, reply
from app_server.kernel.state import AppRequest


@access(Provider)
@describe(body=DescribeClient, reply=ClientView, status=201, problems=(ValidationFailed,))
@idempotent()
async def register_client(request: AppRequest) -> Response:
    """Register a program that signs residents in with the city's login (OpenID Connect)."""
    asked = await read(request, DescribeClient)
    client = await clients.register(asked, by=actor(request, Provider), state=request.state)
    return reply(client, status=201, headers={"etag": entity_tag(client.version)})


@access(Provider)
@describe(reply=ClientPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_clients(request: AppRequest) -> Response:
    """The clients of the provider's organisation."""
    return reply(await clients.client_page(actor(request, Provider), page_request(request)))


@access(Provider)
@describe(reply=ClientView, problems=(NotFound,))
async def one_client(request: AppRequest) -> Response:
    """One client; the ETag goes into If-Match of a change."""
    client = await clients.client_view(request.path_params["client_id"], by=actor(request, Provider))
    return reply(client, headers={"etag": entity_tag(client.version)})


@access(Provider)
@describe(body=DescribeClient, reply=ClientView, problems=(NotFound, PreconditionFailed, ValidationFailed))
async def change_client(request: AppRequest) -> Response:
    """Set all that a client says of itself."""
    asked = await read(request, DescribeClient)
    client = await clients.change(
        request.path_params["client_id"],
        asked,
        version=matched_version(request),
        by=actor(request, Provider),
        state=request.state,
    )
    return reply(client, headers={"etag": entity_tag(client.version)})


@access(Provider)
@describe(status=204, problems=(NotFound,))
async def remove_client(request: AppRequest) -> Response:
    """Close a client: nobody signs in with it any more, and its tokens die."""
    await clients.remove(request.path_params["client_id"], by=actor(request, Provider), state=request.state)
    return no_content()


@access(Provider)
@describe(reply=ClientErrors, query=("cursor", "limit"), problems=(BadCursor, NotFound))
async def list_errors(request: AppRequest) -> Response:
    """What was wrong in the last requests of a client: at most 50, a second or two after they happened."""
    page = page_request(request)
    return reply(await clients.error_page(request.path_params["client_id"], page, by=actor(request, Provider)))


client_routes: list[Route] = [
    post("/v1/provider/clients", register_client),
    get("/v1/provider/clients", list_clients),
    get("/v1/provider/clients/{client_id}", one_client),
    put("/v1/provider/clients/{client_id}", change_client),
    delete("/v1/provider/clients/{client_id}", remove_client),
    get("/v1/provider/clients/{client_id}/errors", list_errors),
]
