"""The wallet as the host sees it."""

from typing import Any

from app_server.kernel.access import Principal, Verifier
from app_server.kernel.authentication import Credential
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.resealing import Sealed
from app_server.kernel.state import AppState
from card_wallet import readers
from card_wallet.faces import FIELDS, NUMBER
from card_wallet.principals import COOKIE, PREFIX
from card_wallet.routes import routes
from card_wallet.state import lifespan, wallet_of


async def resolve_reader(token: str, state: AppState) -> Principal | None:
    """The credential of an enrolled reader."""
    return await wallet_of(state).readers.resolve(token, state["clock"])


async def forget_old_codes(payload: dict[str, Any], *, state: AppState) -> None:
    """Remove enrolment codes that nobody can use any more."""
    await readers.forget_old_codes(state["clock"])


module = Module(
    name="card_wallet",
    routes=routes,
    jobs=[Job(name="forget_old_enrolment_codes", handler=forget_old_codes)],
    schedules=[Schedule(job="forget_old_enrolment_codes", cron="37 3 * * *")],
    credentials=[Credential(prefix=PREFIX, cookie=COOKIE, kinds=(Verifier,), resolve=resolve_reader)],
    sealed=[
        Sealed(table="card_wallet_card", column="number", field=NUMBER),
        Sealed(table="card_wallet_card", column="sealed_fields", field=FIELDS, by_name=True),
    ],
    lifespan=lifespan,
)
