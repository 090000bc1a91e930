"""Rotating the keys: by hand, and by the worker when the signing key has its age."""

from datetime import datetime, timedelta
from typing import Any

from app_server.kernel.audit import audit
from app_server.kernel.key_file import KeyFile, KeyFileError, SigningKey
from app_server.kernel.logs import logger
from app_server.kernel.settings import Settings
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, in_unit_of_work

log = logger(__name__)


async def one_at_a_time() -> None:
    """Keep everybody else who changes the key file waiting until the present unit of work ends: of two who read it and
    write it at once, one change would be lost.
    """
    await execute("SELECT pg_advisory_xact_lock(hashtext('banyan keys'))")


@in_unit_of_work
async def rotate(
    settings: Settings, now: datetime, *, by: str, sealing: bool, older_than: timedelta = timedelta()
) -> SigningKey | None:
    """Put a new signing key (and a new sealing key) into the key file, audited; None, and nothing changed, if the
    newest is younger than `older_than` or still waits for its time: one at a time, so that each is published first.

    The file is written last: if the commit after it fails, the rotation stands in the file and not in the audit. Raises
    `KeyFileError` for a file that cannot be read and `OSError` for one that cannot be replaced.
    """
    await one_at_a_time()
    file = KeyFile.read(settings.key_file)
    newest = file.signing[0]
    if newest.used_from > now or newest.created_at > now - older_than:
        return None
    new = file.rotated(now, timedelta(seconds=settings.key_lead_seconds), sealing=sealing)
    key = new.signing[0]
    details: dict[str, Any] = {"used_from": key.used_from.isoformat()}
    if sealing:
        details["sealing_key"] = new.sealing[0].id.hex()
    await audit("system", by, "keys.rotated", f"signing_key:{key.kid}", details=details)
    new.replace(settings.key_file)
    return key


async def rotate_when_due(payload: dict[str, Any], *, state: AppState) -> None:
    """A new signing key every `signing_key_days`. Not a sealing key: what it seals is lost with a key file that nobody
    has backed up, so a person has to do that.
    """
    settings = state["settings"]
    if not settings.signing_key_days:
        return
    age = timedelta(days=settings.signing_key_days)
    try:
        key = await rotate(settings, state["clock"](), by="rotate_when_due", sealing=False, older_than=age)
    except OSError as fault:
        remedy = "the worker cannot replace the key file: rotate by hand, and set BANYAN_SIGNING_KEY_DAYS=0"
        log.error("keys_not_rotated", reason=fault.strerror, remedy=remedy)
        return
    except KeyFileError as fault:
        log.error("keys_not_rotated", reason=str(fault))
        return
    if key is not None:
        log.info("keys_rotated", kid=key.kid, used_from=key.used_from.isoformat())
