"""The wallet as the host sees it."""

from app_server.kernel.access import Principal, Verifier
from app_server.kernel.authentication import Credential
from app_server.kernel.modules import Module
from app_server.kernel.state import AppState
from card_wallet.principals import COOKIE, PREFIX
from card_wallet.routes import routes
from card_wallet.state import lifespan, wallet_of


async def resolve_reader(token: str, state: AppState) -> Principal | None:
    """The credential of an enrolled reader."""
    return await wallet_of(state).readers.resolve(token, state["clock"])


module = Module(
    name="card_wallet",
    routes=routes,
    credentials=[Credential(prefix=PREFIX, cookie=COOKIE, kinds=(Verifier,), resolve=resolve_reader)],
    lifespan=lifespan,
)
