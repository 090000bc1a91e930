"""One way to make a page: the template, the reader's language and look, and the headers that every page carries."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from app_server.kernel.access import Acting, Resident
from app_server.kernel.languages import LANGUAGES, LOOK_COOKIE, language_of
from app_server.kernel.problems import Problem
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppRequest
from app_server.pages.assets import assets
from app_server.pages.messages import messages

YEAR = 365 * 24 * 3600  # seconds
THEMES = ("auto", "light", "dark")

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a page is drawn: the language, the theme (`auto` follows the device), and elder mode."""

    locale: str
    theme: str = "auto"
    elder: bool = False

    def cookie(self) -> str:
        """The value of the look cookie: "zh-CN.dark.elder". It says how to draw, not for whom."""
        return f"{self.locale}.{self.theme}.{'elder' if self.elder else 'plain'}"


def look_of(request: AppRequest) -> Look:
    """The look a browser last chose; without one, its `Accept-Language` and the device's theme. `?lang=` goes first."""
    _, _, chosen = request.cookies.get(LOOK_COOKIE, "").partition(".")
    theme, _, size = chosen.partition(".")
    asked = request.query_params.get("lang")
    return Look(
        locale=asked if asked in LANGUAGES else language_of(request),
        theme=theme if theme in THEMES else "auto",
        elder=size == "elder",
    )


def page(
    request: AppRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    look: Look | None = None,
    **context: object,
) -> Response:
    """The page. Templates get `t` (the words), `look`, `asset(path)`, `build`, `city`, `demo`, `acting`, and the
    context.
    """
    settings = request.state["settings"]
    look = look or look_of(request)
    words = messages(look.locale)
    html = _environment.get_template(template).render(
        t=words,
        look=look,
        asset=assets().url,
        build=assets().build,
        city=settings.city(look.locale),
        demo=settings.mode == "demo",
        request=request,
        acting=_acting(request),
        **context,
    )
    response = HTMLResponse(html, status_code=status, headers={**page_headers(settings), **(headers or {})})
    if request.query_params.get("lang") == look.locale:
        remember(response, look, settings)
    return response


def _acting(request: AppRequest) -> Acting | None:
    """For whom the reader acts, so that every page says so; None for themselves, and for pages that are for anybody."""
    user = request.scope.get("user")
    return user.acting if isinstance(user, Resident) else None


def remember(response: Response, look: Look, settings: Settings) -> None:
    """Let the browser's next page look the same. Scripts change it too, so it is no HttpOnly cookie."""
    response.set_cookie(LOOK_COOKIE, look.cookie(), max_age=YEAR, samesite="lax", secure=settings.secure)


def page_headers(settings: Settings) -> dict[str, str]:
    """What every page carries: scripts, styles and connections of this origin only, frames of mini-apps only.

    The kernel's frame adds the headers that every answer has.
    """
    base = urlsplit(settings.base_url)
    port = f":{base.port}" if base.port else ""
    return {
        "content-security-policy": "; ".join(
            (
                "default-src 'self'",
                "script-src 'self'",
                "style-src 'self'",
                "img-src 'self' data: blob:",
                f"frame-src {base.scheme}://*.{settings.apps_domain}{port}",
                "object-src 'none'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "form-action 'self'",
            )
        ),
        "cache-control": "private, no-cache",
        "vary": "Accept-Language, Cookie",
        "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(),"
        " publickey-credentials-create=(self), publickey-credentials-get=(self)",
    }


async def problem_page(request: AppRequest, problem: Problem, reference: str) -> Response:
    """A refusal as a kind page: one sentence, the remedy as a button, the reference number small."""
    words = messages(look_of(request).locale)
    return page(
        request,
        "problem.html",
        status=problem.status,
        headers={**problem.headers, "cache-control": "no-store"},
        code=problem.code,
        sentence=words.problem(problem.code, problem.title(), **problem.members),
        reference=reference,
        remedy=_remedy(problem, request),
    )


def _remedy(problem: Problem, request: AppRequest) -> str:
    if problem.status == 401:
        return "sign_in"
    if problem.code in ("logout_not_asked", "logout_over"):
        return "sign_out"
    if problem.status in (429, 500, 502, 503, 504) and request.method == "GET":
        return "again"
    return "home"
