"""MiniApp: what a provider writes pages, addresses, event handlers and jobs with."""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from banyan_sdk import speech
from banyan_sdk.bodies import body_of, parsed, read
from banyan_sdk.client import Platform, PlatformKeys, PlatformRefused, PlatformUnreachable
from banyan_sdk.context import Event, Launch
from banyan_sdk.frontdoor import PlatformOnly
from banyan_sdk.inbox import LONGEST_SESSION, Inbox
from banyan_sdk.jose import TokenRefused
from banyan_sdk.keys import AppKey, KeyUnusable
from banyan_sdk.manifest import Manifest, parse
from banyan_sdk.outbox import Outbox
from banyan_sdk.pages import Pages, send
from banyan_sdk.problems import (
    CityUnreachable,
    ExchangeRefused,
    MethodNotAllowed,
    NotFound,
    NotFromThePlatform,
    Problem,
    SessionNeeded,
    Unexpected,
    render,
)
from banyan_sdk.protocol import (
    EVENTS_PATH,
    HEALTH_PATH,
    LAUNCH_PATH,
    REQUEST_HEADER,
    SESSION_PATH,
    EventEnvelope,
    EventType,
    LaunchAnswer,
    LaunchCall,
    SessionCall,
    SessionReply,
    code_challenge,
)
from banyan_sdk.schedule import Cron
from banyan_sdk.signing import SignatureRefused, verify_event
from banyan_sdk.storage import Store
from banyan_sdk.surroundings import NotConfigured, Surroundings
from banyan_sdk.tasks import Job, Task, forever, on_schedule

log = logging.getLogger("banyan")

Answer = dict[str, Any] | tuple[dict[str, Any], int] | Response  # JSON, JSON with its status, or anything
PageHandler = Callable[[Launch], Awaitable[Answer]]
ApiHandler = Callable[[Launch, Request], Awaitable[Answer]]
EventHandler = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Running:
    """What exists only between start and stop."""

    surroundings: Surroundings
    key: AppKey
    platform: Platform


class MiniApp:
    """A mini-app: an ASGI application that answers the platform and nobody else.

    `store` is its SQLite file, `later` the outbox in the same file: calls to the platform that are part of a change.
    """

    def __init__(self, manifest: Manifest, *, pages: Path | None = None) -> None:
        self.manifest = manifest
        self.store = Store(None)
        self.later = Outbox(self.store)
        self._pages = Pages(pages)
        self._page_handlers: dict[str, PageHandler] = {}
        self._api: dict[tuple[str, str], ApiHandler] = {}
        self._events: dict[str, EventHandler] = {}
        self._jobs: list[Job] = []
        self._tasks: list[tuple[str, Task]] = [("outbox", self.later.deliver)]
        self._inbox = Inbox(self.store, self._events)
        self._surroundings: Surroundings | None = None
        self._key: AppKey | None = None
        self._transport: httpx2.AsyncBaseTransport | None = None
        self._running: _Running | None = None
        self._asgi: Starlette | None = None

    @classmethod
    def from_manifest(cls, path: str | Path, *, pages: str | Path | None = None) -> "MiniApp":
        """The mini-app of a `miniapp.json`; raises ManifestRefused with every finding at once.

        `pages` is the folder of its page files: `pages` beside the manifest unless given.
        """
        path = Path(path)
        try:
            document = json.loads(path.read_bytes())
        except OSError as failed:
            raise NotConfigured(speech.MANIFEST_MISSING.format(path=path, reason=failed.strerror)) from failed
        except ValueError as failed:
            raise NotConfigured(speech.MANIFEST_BROKEN.format(path=path, reason=failed)) from failed
        return cls(parse(document), pages=Path(pages) if pages else path.parent / "pages")

    # --- what the provider declares ---

    def page(self, path: str) -> Callable[[PageHandler], PageHandler]:
        """The data of a page of the manifest.

        A browser that opens the page gets its file from the pages folder, or a plain page if there is none; the bridge
        then asks the same address with the resident's session and gets what the handler returns.
        """
        if path not in self.manifest.pages:
            raise ValueError(speech.PAGE_UNKNOWN.format(path=path))
        return self._keep(self._page_handlers, path, f"the page {path}")

    def get(self, path: str) -> Callable[[ApiHandler], ApiHandler]:
        """An address of the mini-app's own API, such as `/api/loans/{id}`: a resident's session is required."""
        return self._keep(self._api, ("GET", path), f"GET {path}")

    def post(self, path: str) -> Callable[[ApiHandler], ApiHandler]:
        return self._keep(self._api, ("POST", path), f"POST {path}")

    def on(self, event_type: str) -> Callable[[EventHandler], EventHandler]:
        """A handler for an event that the manifest subscribes to. It may be cut short by a crash and run again."""
        if event_type not in set(EventType):
            raise ValueError(speech.EVENT_UNKNOWN.format(type=event_type, known=", ".join(EventType)))
        if event_type not in self.manifest.banyan.events:
            raise ValueError(speech.EVENT_NOT_SUBSCRIBED.format(type=event_type))
        return self._keep(self._events, event_type, f"the event {event_type}")

    def job(self, name: str, *, cron: str, zone: tzinfo = UTC, at_start: bool = False) -> Callable[[Task], Task]:
        """Something to do at certain times. It may run twice, and a time that passed while the mini-app was down is
        not made up for: with `at_start` it also runs at every start, which is how nothing is missed."""
        schedule = Cron.parse(cron)

        def keep(run: Task) -> Task:
            _must_be_async(run)
            self._jobs.append(Job(name, schedule, zone, at_start, run))
            return run

        return keep

    def _keep(self, handlers: dict[Any, Any], key: object, what: str) -> Callable[[Any], Any]:
        def keep(handler: Any) -> Any:
            _must_be_async(handler)
            if key in handlers:
                raise ValueError(speech.TWICE.format(what=what))
            handlers[key] = handler
            return handler

        return keep

    # --- how it runs ---

    @property
    def platform(self) -> Platform:
        return self._now().platform

    def connect(
        self, surroundings: Surroundings, key: AppKey, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """Say where it runs instead of reading the environment; `transport` replaces the network, for tests."""
        self._surroundings, self._key, self._transport = surroundings, key, transport

    def run(self) -> None:
        """Serve until SIGTERM or Ctrl-C. A mistake in the environment ends the process with one sentence."""
        try:
            surroundings = self._surroundings or Surroundings.from_env(self.manifest.app_id)
            key = self._key or AppKey.load(surroundings.key_file or "")
        except (NotConfigured, KeyUnusable) as mistake:
            sys.exit(f"{self.manifest.app_id}: {mistake}")
        self.connect(surroundings, key, self._transport)
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        uvicorn.run(
            self,
            host=surroundings.host,
            port=surroundings.port,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )

    async def unhandled_events(self) -> int:
        """How many events were acknowledged and wait for their handler."""
        return await self._inbox.waiting()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._asgi is None:
            self._asgi = self._build()
        with contextlib.suppress(ClientDisconnect):  # nobody is there to be answered, and nothing is wrong
            await self._asgi(scope, receive, send)

    def _now(self) -> _Running:
        if self._running is None:
            raise RuntimeError(speech.NOT_STARTED)
        return self._running

    def _platform_keys(self) -> PlatformKeys:
        return self.platform.keys

    def _build(self) -> Starlette:
        async def problem_of(request: Request, error: Exception) -> Response:
            return render(_as_problem(error), request.headers.get(REQUEST_HEADER))

        api: dict[str, dict[str, ApiHandler]] = {}
        for (method, path), handler in self._api.items():
            api.setdefault(path, {})[method] = handler
        return Starlette(
            routes=[
                Route(HEALTH_PATH, self._health, methods=["GET"]),
                Route(LAUNCH_PATH, self._launch, methods=["POST"]),
                Route(SESSION_PATH, self._session, methods=["POST"]),
                Route(EVENTS_PATH, self._event, methods=["POST"]),
                *(
                    Route(path, self._resident_route(by_method), methods=[*by_method])
                    for path, by_method in api.items()
                ),
                *(Route(page, self._page_route(page), methods=["GET"]) for page in self.manifest.pages),
                Route("/{path:path}", self._file, methods=["GET"]),
            ],
            lifespan=lambda _: self.running(),
            exception_handlers={Problem: problem_of, HTTPException: problem_of},
            middleware=[
                Middleware(PlatformOnly, keys=self._platform_keys, app_id=self.manifest.app_id, log=log),
            ],
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything between start and stop; an ASGI server enters it by itself."""
        surroundings = self._surroundings or Surroundings.from_env(self.manifest.app_id)
        key = self._key or AppKey.load(surroundings.key_file or "")
        platform = Platform(
            base_url=surroundings.platform_url,
            app_id=self.manifest.app_id,
            origin=surroundings.origin,
            key=key,
            scopes=[asked.scope for asked in self.manifest.banyan.scopes],
            transport=self._transport,
        )
        self.store.path = surroundings.data / f"{self.manifest.app_id}.sqlite" if surroundings.data else None
        await self.store.open()
        self._running = _Running(surroundings, key, platform)
        tasks = [
            asyncio.create_task(forever(name, run, platform))
            for name, run in [*self._tasks, ("events", lambda _: self._inbox.handle())]
        ]
        tasks += [asyncio.create_task(on_schedule(job, platform)) for job in self._jobs]
        log.info(
            speech.STARTED.format(
                app_id=self.manifest.app_id,
                version=self.manifest.version.name,
                host=surroundings.host,
                port=surroundings.port,
                platform=surroundings.platform_url,
            )
        )
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._running = None
            await platform.close()
            await self.store.close()

    # --- what the platform asks ---

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"app_id": self.manifest.app_id, "version": self.manifest.version.code})

    async def _launch(self, request: Request) -> Response:
        call = await read(request, LaunchCall)
        verifier = self._now().key.code_verifier(call.launch_id)
        return JSONResponse(LaunchAnswer(code_challenge=code_challenge(verifier)).model_dump())

    async def _session(self, request: Request) -> Response:
        call = await read(request, SessionCall)
        now = int(time.time())  # before the scopes are given: whatever is withdrawn from here on ends the session
        try:
            tokens, claims, profile = await self.platform.exchange(call.code, call.launch_id)
        except PlatformRefused as refused:
            raise ExchangeRefused from refused
        except TokenRefused as refused:
            log.error(speech.TOKEN_REFUSED, refused)
            raise ExchangeRefused from refused
        except PlatformUnreachable as away:
            raise CityUnreachable from away
        lifetime = min(tokens.expires_in, LONGEST_SESSION)
        name = profile.name if profile else None
        locale = (profile.locale if profile else None) or str(claims.get("locale") or self.manifest.lang)
        content = {
            "sub": claims["sub"],
            "name": name,
            "locale": locale,
            "scopes": tokens.scope.split(),
            "launch_id": str(call.launch_id),
            "iat": now,
            "exp": now + lifetime,
        }
        session = SessionReply(
            session=self._now().key.seal_session(content),
            sub=claims["sub"],
            name=name,
            locale=locale,
            scopes=tokens.scope.split(),
            expires_in=lifetime,
        )
        return JSONResponse(session.model_dump(), headers={"cache-control": "no-store"})

    async def _event(self, request: Request) -> Response:
        body = await body_of(request)
        keys = self.platform.keys
        try:
            try:
                event_id = verify_event(request.headers, body, keys=keys.all_signing(), now=int(time.time()))
            except SignatureRefused:
                if not await keys.look_again():
                    raise
                event_id = verify_event(request.headers, body, keys=keys.all_signing(), now=int(time.time()))
        except SignatureRefused as refused:
            log.warning(speech.REQUEST_REFUSED, refused)
            raise NotFromThePlatform(str(refused)) from refused
        except PlatformUnreachable as away:
            raise CityUnreachable from away
        await self._inbox.accept(event_id, parsed(body, EventEnvelope))
        return Response(status_code=204)

    # --- what residents ask ---

    async def _resident(self, request: Request) -> Launch:
        scheme, _, session = request.headers.get("authorization", "").partition(" ")
        content = self._now().key.open_session(session) if scheme.lower() == "bearer" else None
        if content is None or content["exp"] <= time.time():
            raise SessionNeeded(headers={"www-authenticate": "Bearer"})
        launch = Launch(
            sub=content["sub"],
            name=content["name"],
            locale=content["locale"],
            scopes=frozenset(content["scopes"]),
            launch_id=UUID(content["launch_id"]),
        )
        if await self._inbox.withdrawn_since(launch.sub, launch.scopes, content["iat"]):
            raise SessionNeeded(headers={"www-authenticate": "Bearer"})
        return launch

    def _resident_route(self, handlers: dict[str, ApiHandler]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            handler = handlers["GET" if request.method == "HEAD" else request.method]
            return await _answered(request, handler(await self._resident(request), request))

        return answer

    def _page_route(self, page: str) -> Callable[[Request], Awaitable[Response]]:
        handler = self._page_handlers.get(page)

        async def answer(request: Request) -> Response:
            if handler is not None and "authorization" in request.headers:
                return await _answered(request, handler(await self._resident(request)))
            file = self._pages.find(page) or (self._pages.plain() if handler else None)
            if file is None:
                raise NotFound
            return send(file, request, self._now().surroundings.platform_url)

        return answer

    async def _file(self, request: Request) -> Response:
        path = request.url.path
        name = path.removeprefix("/.banyan/")
        file = self._pages.find(path) if name == path else self._pages.ours(name)
        if file is None:
            raise NotFound
        return send(file, request, self._now().surroundings.platform_url)


async def _answered(request: Request, work: Awaitable[Answer]) -> Response:
    try:
        answer = await work
    except (Problem, HTTPException, ClientDisconnect):
        raise
    except PlatformUnreachable as away:
        raise CityUnreachable from away
    except Exception as failed:
        log.exception(speech.HANDLER_FAILED, request.url.path, request.headers.get(REQUEST_HEADER))
        raise Unexpected from failed
    if isinstance(answer, Response):
        return answer
    content, status = answer if isinstance(answer, tuple) else (answer, 200)
    return JSONResponse(content, status, {"cache-control": "no-store", "vary": "authorization"})


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    status = error.status_code if isinstance(error, HTTPException) else 500
    return {404: NotFound(), 405: MethodNotAllowed()}.get(status, Unexpected())


def _must_be_async(handler: Callable[..., object]) -> None:
    if not iscoroutinefunction(handler):
        raise TypeError(speech.NOT_ASYNC.format(name=getattr(handler, "__name__", repr(handler))))
