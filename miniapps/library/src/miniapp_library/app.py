"""The library's pages and addresses."""

from pathlib import Path

from banyan_sdk import Event, Launch, MiniApp, Platform, Request, read
from banyan_sdk.protocol import Asked

from miniapp_library.catalogue import Subject, shelves
from miniapp_library.lending import FUZHOU
from miniapp_library.loans import SCHEMA, Clock, Desk
from miniapp_library.problems import KeyNeeded

HERE = Path(__file__).parent
A_SCREENFUL = 24


class Wish(Asked):
    """What POST /api/loans takes."""

    book_id: str


def manifest_file() -> Path:
    """Inside the package when it is installed, two folders up in a checkout."""
    installed = HERE / "miniapp.json"
    return installed if installed.exists() else HERE.parents[1] / "miniapp.json"


def library(clock: Clock | None = None) -> MiniApp:
    """The library as an application; `clock` replaces the real time in tests."""
    app = MiniApp.from_manifest(manifest_file(), pages=HERE / "pages")
    app.store.schema(SCHEMA)
    catalogue = shelves()
    desk = Desk(app, catalogue, clock) if clock else Desk(app, catalogue)

    @app.get("/api/books")
    async def books(launch: Launch, request: Request) -> dict[str, object]:
        """A screenful of books that fit `q` and `subject`, from `cursor` on."""
        query = request.query_params
        found = catalogue.search(query.get("q", "")[:100], query.get("subject"))
        start = int(cursor) if (cursor := query.get("cursor", "")).isdecimal() and len(cursor) < 7 else 0
        out, mine = await desk.availability(launch)
        return {
            "items": [
                book.described() | {"available": book.copies - out.get(book.id, 0), "loan": mine.get(book.id)}
                for book in found[start : start + A_SCREENFUL]
            ],
            "next": str(start + A_SCREENFUL) if start + A_SCREENFUL < len(found) else None,
            "total": len(found),
            "subjects": [subject.value for subject in Subject],
        }

    @app.get("/api/loans")
    async def loans(launch: Launch, request: Request) -> dict[str, object]:
        return await desk.loans(launch)

    @app.post("/api/loans")
    async def borrow(launch: Launch, request: Request) -> tuple[dict[str, object], int]:
        wish = await read(request, Wish)
        return await desk.borrow(launch, wish.book_id, _key(request)), 201

    @app.post("/api/loans/{id}/return")
    async def give_back(launch: Launch, request: Request) -> dict[str, object]:
        return await desk.give_back(launch, request.path_params["id"])

    @app.post("/api/loans/{id}/renewal")
    async def renew(launch: Launch, request: Request) -> dict[str, object]:
        return await desk.renew(launch, request.path_params["id"], _key(request))

    @app.on("grant.withdrawn")
    async def forget(event: Event) -> None:
        if event.data["scope"] == "profile:read":
            await desk.forget_name(event.data["sub"])

    @app.job("due-soon", cron="0 8 * * *", zone=FUZHOU, at_start=True)
    async def remind(platform: Platform) -> None:
        await desk.remind()

    @app.job("tidy", cron="0 4 * * *", zone=FUZHOU, at_start=True)
    async def tidy(platform: Platform) -> None:
        await desk.tidy()

    return app


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= 200:
        raise KeyNeeded
    return key
