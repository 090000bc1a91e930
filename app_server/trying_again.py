"""`banyan jobs`: what workers gave up, and another try."""

from app_server.kernel.dead_letters import dead_letters, try_again
from app_server.kernel.settings import Settings, SettingsError
from app_server.process import process


async def list_dead(settings: Settings) -> str:
    """A line for each kind of job that was given up."""
    async with process(settings):
        rows = await dead_letters()
    lines = [f"{row['count']:>6}  {row['name']}  last {row['at']:%Y-%m-%d %H:%M} UTC: {row['reason']}" for row in rows]
    return "\n".join(lines) or "No job was given up."


async def revive(settings: Settings, name: str, *, reason: str) -> str:
    """Let them begin anew; what to tell about it."""
    if not 0 < len(reason.strip()) <= 500:
        raise SettingsError("Say why, in at most 500 characters: it stands in the audit.")
    async with process(settings):
        count = await try_again(name, reason=reason, by="banyan jobs again")
    if not count:
        raise SettingsError(f"No job {name} was given up. `banyan jobs dead` tells which were.")
    return f"{count} × {name} will be tried again."
