"""What a client asks at the end-session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2, §3).

A hint is an ID token of ours, however old: it proves that the wish comes from the client that it was made for. Nothing
here ends anything: the resident is asked.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app_server.authorization.hints import hinted
from app_server.identity.ending import end_sessions
from app_server.identity.sessions import sessions_of
from app_server.kernel.ports import Client
from app_server.kernel.state import AppState
from app_server.kernel.tokens import MAX_BYTES, TokenRefused
from app_server.kernel.unit_of_work import after_commit, in_unit_of_work

LONGEST = 1024  # characters of a parameter; a hint may be as long as a token
_NAMES = ("id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales", "logout_hint")
_PRINTABLE = re.compile(r"[\x20-\x7e]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """That somebody signs out, as a client says it. `proven`: by a hint of its own.

    `back_to` is one of the client's registered addresses, `session_id` the client's session that the hint is of.
    """

    client_id: str | None = None
    proven: bool = False
    back_to: str | None = None
    state: str | None = None
    session_id: str | None = None


class WishedWrong(Exception):
    """The wish cannot be believed; the message is for the client's developer."""


def read(pairs: Sequence[tuple[str, str]], state: AppState) -> Wish:
    """The wish. Raises `WishedWrong`, which repeats nothing of what was sent.

    `logout_hint` is passed over, as `login_hint` is: the session that ends is the one of this browser.
    """
    given = _sound(pairs)
    client, session_id, proven = None, None, False
    if "id_token_hint" in given:
        client, session_id = _hinted(given["id_token_hint"], state)
        proven = True
    if "client_id" in given:
        named = state["ports"].clients.find(given["client_id"])
        if named is None:
            raise WishedWrong("there is no such client, or it is not open now")
        if client is not None and client.app_id != named.app_id:
            raise WishedWrong("id_token_hint was made for another client than client_id")
        client = named
    back_to = given.get("post_logout_redirect_uri")
    if back_to is not None and client is None:
        raise WishedWrong("post_logout_redirect_uri needs id_token_hint, or at least client_id")
    if back_to is not None and client is not None and back_to not in client.post_logout_redirect_uris:
        raise WishedWrong("post_logout_redirect_uri is not one that the client registered, character by character")
    return Wish(
        client_id=client.app_id if client else None,
        proven=proven,
        back_to=back_to,
        state=given.get("state") if back_to else None,
        session_id=session_id,
    )


@in_unit_of_work
async def leave(wish: Wish, resident_session_id: UUID, *, state: AppState) -> None:
    """End the client's own session that the hint is of, if it was opened in this session of the resident's."""
    if wish.session_id is None:
        return
    rows = await end_sessions(
        "id = $1 AND client_id = $2 AND opened_in = $3 AND parent_id IS NOT NULL",
        UUID(wish.session_id),
        wish.client_id,
        resident_session_id,
        at=state["clock"](),
    )
    after_commit(lambda: sessions_of(state).forget([row["id"] for row in rows]))


def _sound(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    counted = Counter(name for name, _ in pairs)
    given = {name: value for name, value in pairs if name in _NAMES and value}
    for name, value in given.items():
        if counted[name] > 1:
            raise WishedWrong(f"{name}: send it once")
        if len(value) > (MAX_BYTES if name == "id_token_hint" else LONGEST) or not _PRINTABLE.fullmatch(value):
            raise WishedWrong(f"{name} is too long or has a character that is not printable ASCII")
    return given


def _hinted(hint: str, state: AppState) -> tuple[Client, str | None]:
    """The client that the ID token was made for, and its session; a mini-app has none of its own."""
    try:
        claims = hinted(hint, state)
    except TokenRefused as reason:
        raise WishedWrong(f"id_token_hint: {reason}") from None
    client = state["ports"].clients.find(str(claims["aud"]))
    if client is None:
        raise WishedWrong("id_token_hint was made for a client that is not open now")
    return client, claims.get("sid")
