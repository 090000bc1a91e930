"""`banyan client close` and `banyan client secret`: what the city does to clients that providers registered."""

from app_server.authorization.client_secrets import give_secret
from app_server.authorization.clients import close
from app_server.kernel.settings import Settings, SettingsError
from app_server.process import process


async def close_client(settings: Settings, client_id: str, *, reason: str) -> str:
    """Close the client with this id; what to tell about it."""
    _say_why(reason)
    async with process(settings) as state:
        if not await close(client_id, reason=reason, by="banyan client close", now=state["clock"]()):
            raise SettingsError(f"No client with the id {client_id} is open.")
    return f"The client {client_id} is closed."


async def give_client_secret(settings: Settings, client_id: str, *, reason: str) -> str:
    """Give the client with this id a secret of its own; what to tell about it, this once."""
    _say_why(reason)
    async with process(settings):
        secret = await give_secret(client_id, reason=reason, by="banyan client secret")
    if secret is None:
        raise SettingsError(f"No client with the id {client_id} is open.")
    return f"The secret of {client_id}, shown this once: {secret}\nThe one before it stays good until the next."


def _say_why(reason: str) -> None:
    if not 0 < len(reason.strip()) <= 500:
        raise SettingsError("Say why, in at most 500 characters: it stands in the audit.")
