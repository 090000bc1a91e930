"""`banyan client close`: a client that a provider registered, closed by the city."""

from app_server.authorization.clients import close
from app_server.kernel.settings import Settings, SettingsError
from app_server.process import process


async def close_client(settings: Settings, client_id: str, *, reason: str) -> str:
    """Close the client with this id; what to tell about it."""
    if not 0 < len(reason.strip()) <= 500:
        raise SettingsError("Say why, in at most 500 characters: it stands in the audit.")
    async with process(settings) as state:
        if not await close(client_id, reason=reason, by="banyan client close", now=state["clock"]()):
            raise SettingsError(f"No client with the id {client_id} is open.")
    return f"The client {client_id} is closed."
