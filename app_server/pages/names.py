"""Names in addresses that say something to us alone, and for a while: nothing is kept, and nobody can make one up."""

import base64
import binascii
from datetime import timedelta
from typing import Any

import orjson

from app_server.kernel.crypto import SealBroken
from app_server.kernel.state import AppState

LIFE = timedelta(minutes=30)  # for a person who reads


def name_of(kind: str, told: Any, *, state: AppState) -> str:
    """A name for `told` (JSON), good for `LIFE`; a name of one kind is none of another."""
    until = int((state["clock"]() + LIFE).timestamp())
    sealed = state["keys"].seal(f"name.{kind}", orjson.dumps([until, told]).decode())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def told_by(kind: str, name: str, *, state: AppState) -> Any:
    """What the name stands for; None when it is none of ours or too old."""
    try:
        sealed = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
        until, told = orjson.loads(state["keys"].open(f"name.{kind}", sealed))
    except (SealBroken, binascii.Error, ValueError):
        return None
    return told if until > state["clock"]().timestamp() else None
