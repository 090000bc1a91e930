"""The resident's pages. The app itself is drawn in the browser: every address of it answers with the same shell."""

from starlette.responses import Response

from app_server.kernel.access import FRAME, Anonymous, Resident, access
from app_server.kernel.problems import NotFound, all_problems
from app_server.kernel.routing import Route, get
from app_server.kernel.state import AppRequest
from app_server.pages.authorize import authorize_routes
from app_server.pages.consent import consent_routes
from app_server.pages.counter import counter_page_routes
from app_server.pages.demo_provider import demo_provider_routes
from app_server.pages.device import device_routes
from app_server.pages.end_session import end_session_routes
from app_server.pages.files import file_routes
from app_server.pages.identity import identity_routes
from app_server.pages.mandates import mandate_page_routes
from app_server.pages.messages import messages
from app_server.pages.outside_identity import outside_identity_routes
from app_server.pages.phone_change import phone_change_page_routes
from app_server.pages.presence import presence_page_routes
from app_server.pages.recover import recover_routes
from app_server.pages.render import look_of, page
from app_server.pages.security import security_routes
from app_server.pages.sessions import session_page_routes
from app_server.pages.sign_in import sign_in_routes, to_sign_in
from app_server.pages.sign_in_steps import sign_in_step_routes
from app_server.pages.signed_out import signed_out_routes

SHELL_PATHS = (
    "/",
    "/cards",
    "/cards/{card_id}",
    "/code",
    "/inbox",
    "/me",
    "/me/profile",
    "/me/ledger",
    "/me/consents",
    "/me/sessions",
    "/apps/{app_id}",
)


@access(Resident, Anonymous, on_behalf=FRAME)
async def resident_app(request: AppRequest) -> Response:
    """The resident's app; who is not signed in signs in first."""
    if not isinstance(request.scope["user"], Resident):
        query = f"?{request.url.query}" if request.url.query else ""
        return to_sign_in(request.url.path + query)
    return page(request, "app.html")


@access(Anonymous)
async def empty_shell(request: AppRequest) -> Response:
    """The shell that a service worker keeps: the same for everybody."""
    return page(request, "app.html")


@access(Anonymous)
async def problem_documentation(request: AppRequest) -> Response:
    """What a refusal means and what to do: the page behind a problem's `type`."""
    code = request.path_params["code"]
    kind = next((problem for problem in all_problems() if problem.code == code), None)
    if kind is None:
        raise NotFound()
    more = (kind.__doc__ or "").partition("\n\n")[2]
    return page(
        request,
        "problem-docs.html",
        code=code,
        sentence=messages(look_of(request).locale).problem(code, kind.title()),
        http_status=kind.status,
        problem_title=kind.title(),
        type=f"{request.state['settings'].base_url}/problems/{code}",
        more=" ".join(more.split()),
    )


routes: list[Route] = [
    *(get(path, resident_app) for path in SHELL_PATHS),
    get("/shell", empty_shell),
    get("/problems/{code}", problem_documentation),
    *sign_in_routes,
    *sign_in_step_routes,
    *signed_out_routes,
    *session_page_routes,
    *security_routes,
    *phone_change_page_routes,
    *mandate_page_routes,
    *counter_page_routes,
    *presence_page_routes,
    *identity_routes,
    *recover_routes,
    *outside_identity_routes,
    *demo_provider_routes,
    *consent_routes,
    *authorize_routes,
    *end_session_routes,
    *device_routes,
    *file_routes,
]
