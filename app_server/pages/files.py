"""What pages load: versioned files, the words, the web app manifest, and the service worker with its list."""

import orjson
from starlette.responses import Response

from app_server.kernel.access import Anonymous, access
from app_server.kernel.problems import NotFound
from app_server.kernel.routing import get
from app_server.kernel.state import AppRequest
from app_server.pages.assets import Asset, assets
from app_server.pages.messages import messages
from app_server.pages.render import look_of

FOR_EVER = "public, max-age=31536000, immutable"
CHECK_FIRST = "no-cache"


@access(Anonymous)
async def static_file(request: AppRequest) -> Response:
    """A file of a build. Another build's address still answers with the present file, so that open pages go on."""
    asset = assets().files.get(request.path_params["path"])
    if asset is None:
        raise NotFound()
    return _answer(request, asset, FOR_EVER if request.path_params["build"] == assets().build else CHECK_FIRST)


@access(Anonymous)
async def catalogue(request: AppRequest) -> Response:
    """The words of one language, for scripts."""
    locale = request.path_params["file"].removesuffix(".json")
    asset = assets().catalogues.get(locale)
    if asset is None:
        raise NotFound()
    return _answer(request, asset, FOR_EVER if request.path_params["build"] == assets().build else CHECK_FIRST)


@access(Anonymous)
async def service_worker(request: AppRequest) -> Response:
    """The service worker; at the root, because its scope is the whole app."""
    return _answer(request, assets().files["sw.js"], CHECK_FIRST)


@access(Anonymous)
async def shell_files(request: AppRequest) -> Response:
    """What the service worker keeps for when the network is away: the resident app's files, and both languages."""
    build = assets().build
    urls = [assets().url(path) for path in assets().files if _in_shell(path)]
    urls += [f"/messages/{build}/{locale}.json" for locale in assets().catalogues]
    return _json({"build": build, "files": urls}, "application/json", {"cache-control": CHECK_FIRST})


@access(Anonymous)
async def web_manifest(request: AppRequest) -> Response:
    """What the app is called and looks like on a home screen (W3C Web Application Manifest)."""
    look = look_of(request)
    words = messages(look.locale)
    city = request.state["settings"].city(look.locale)
    icons = [
        {
            "src": assets().url(f"mark-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "any maskable",
        }
        for size in (192, 512)
    ]
    document = {
        "id": "/",
        "name": f"{words('brand.name')} · {city}",
        "short_name": words("brand.name"),
        "description": words("brand.tagline", city=city),
        "lang": look.locale,
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": "#FAF8F4",
        "theme_color": "#FAF8F4",
        "icons": [*icons, {"src": assets().url("mark.svg"), "sizes": "any", "type": "image/svg+xml"}],
        "shortcuts": [{"name": words("home.city_code"), "url": "/code"}],
    }
    return _json(
        document, "application/manifest+json", {"cache-control": CHECK_FIRST, "vary": "Accept-Language, Cookie"}
    )


def _in_shell(path: str) -> bool:
    return path.startswith("js/") or path in (
        "tokens.css",
        "base.css",
        "app.css",
        "icons.svg",
        "banyan.svg",
        "mark.svg",
    )


def _answer(request: AppRequest, asset: Asset, caching: str) -> Response:
    headers = {"cache-control": caching, "etag": asset.etag, "vary": "Accept-Encoding"}
    if asset.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers={**headers, "content-encoding": "gzip"}, media_type=asset.media_type)
    return Response(asset.body, headers=headers, media_type=asset.media_type)


def _json(document: object, media_type: str, headers: dict[str, str]) -> Response:
    return Response(orjson.dumps(document), headers=headers, media_type=media_type)


file_routes = [
    get("/static/{build}/{path:path}", static_file),
    get("/messages/{build}/{file}", catalogue),
    get("/sw.js", service_worker),
    get("/shell.json", shell_files),
    get("/manifest.webmanifest", web_manifest),
]
