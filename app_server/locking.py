"""`banyan lock` and `banyan unlock`: an account by its number, until the console can do it."""

from app_server.identity.locks import lock_resident, unlock_resident
from app_server.identity.phones import mask, normalise
from app_server.identity.service import resident_with
from app_server.kernel.settings import Settings, SettingsError
from app_server.process import process


async def change_lock(settings: Settings, phone: str, *, lock: bool, reason: str) -> str:
    """Lock or unlock the account with this number; what to tell about it."""
    number = normalise(phone)
    if number is None:
        raise SettingsError(f"{phone} is not a mobile number.")
    if not 0 < len(reason.strip()) <= 500:
        raise SettingsError("Say why, in at most 500 characters: it stands in the audit.")
    async with process(settings) as state:
        resident_id = await resident_with(number, keys=state["keys"])
        if resident_id is None:
            raise SettingsError(f"Nobody has an account with the number {mask(number)}.")
        if lock:
            changed = await lock_resident(resident_id, reason=reason, by="banyan lock", now=state["clock"]())
        else:
            changed = await unlock_resident(resident_id, reason=reason, by="banyan unlock")
    already = "" if changed else " already"
    return f"The account of {mask(number)} is{already} {'locked' if lock else 'open'}."
