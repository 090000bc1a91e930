"""`banyan keys`: what is in the key file, new keys in front, and old ones out of it."""

from collections.abc import Iterator
from datetime import datetime

from app_server import wiring
from app_server.kernel.key_file import ALWAYS, KeyFile, KeyFileError
from app_server.kernel.key_times import OVERLAP, Key, gives_way, in_use
from app_server.kernel.resealing import drop_sealing_key, reseal
from app_server.kernel.rotation import rotate
from app_server.kernel.settings import Settings
from app_server.process import process


def lines(file: KeyFile, now: datetime) -> Iterator[str]:
    """Every key that rotates, newest first, by id, age and state; then the gateway's. No secret."""
    for key in file.signing:
        end = gives_way(file.signing, key)
        after = f"verifies until {_minute(end + OVERLAP)}" if end and now < end + OVERLAP else "verifies hints alone"
        yield f"{key.kid}  ES256    {_age(key.created_at, now)}  {_state(file.signing, key, now, 'signs', after)}"
    for sealing in file.sealing:
        state = _state(file.sealing, sealing, now, "seals", "opens what it sealed")
        yield f"{sealing.id.hex():<12}  AES-256  {_age(sealing.used_from, now)}  {state}"
    yield f"{file.gateway_kid}  Ed25519               signs calls to mini-apps"


async def rotate_by_hand(settings: Settings) -> str:
    """Rotate both kinds now; what to tell about it. Raises `KeyFileError` while the last new key waits for its time."""
    async with process(settings) as state:
        key = await rotate(settings, state["clock"](), by="banyan keys rotate", sealing=True)
    if key is None:
        waiting = KeyFile.read(settings.key_file).signing[0]
        raise KeyFileError(
            f"Nothing was changed: {waiting.kid} is published and signs from {_minute(waiting.used_from)} on."
            " Rotate again after that."
        )
    return (
        f"The new keys are published, and used from {_minute(key.used_from)} on. Back {settings.key_file} up before"
        " that: what they seal cannot be read without them. Nothing has to be restarted."
    )


async def reseal_all(settings: Settings) -> str:
    """Begin to seal old values anew; what to tell about it."""
    columns = wiring.sealed(settings)
    async with process(settings):
        await reseal(columns)
    return f"The workers seal {len(columns)} columns anew, page by page. `banyan keys drop ID` tells what is left."


async def drop(settings: Settings, key_id: str) -> str:
    """Drop an old sealing key; what to tell about it. Raises `KeyFileError` while a value needs it."""
    async with process(settings) as state:
        await drop_sealing_key(settings, wiring.sealed(settings), key_id, state["clock"]())
    return f"{key_id} is dropped. Backups of the database from before need a backup of the key file from before."


def _state(keys: list[Key], key: Key, now: datetime, does: str, after: str) -> str:
    if key is in_use(keys, now):
        return f"{does} now"
    return f"{does} from {_minute(key.used_from)}" if key.used_from > now else after


def _age(since: datetime, now: datetime) -> str:
    return " " * 9 if since == ALWAYS else f"{max((now - since).days, 0):>4} days"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
