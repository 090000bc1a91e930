"""`banyan keys`: what is in the key file, and a new key in front."""

from collections.abc import Iterator
from datetime import datetime

from app_server.kernel.key_file import ALWAYS, KeyFile, KeyFileError
from app_server.kernel.key_times import OVERLAP, Key, gives_way, in_use
from app_server.kernel.rotation import rotate
from app_server.kernel.settings import Settings
from app_server.process import process


def lines(file: KeyFile, now: datetime) -> Iterator[str]:
    """Every key that rotates, newest first, by id, age and state; then the gateway's. No secret."""
    for key in file.signing:
        end = gives_way(file.signing, key)
        after = f"verifies until {_minute(end + OVERLAP)}" if end and now < end + OVERLAP else "verifies no more"
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


def _state(keys: list[Key], key: Key, now: datetime, does: str, after: str) -> str:
    if key is in_use(keys, now):
        return f"{does} now"
    return f"{does} from {_minute(key.used_from)}" if key.used_from > now else after


def _age(since: datetime, now: datetime) -> str:
    return " " * 9 if since == ALWAYS else f"{max((now - since).days, 0):>4} days"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
