"""The authenticator app, as use cases: set up, confirmed, turned off; and its codes, each good once."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app_server.identity import assurance
from app_server.identity.factors import otp
from app_server.identity.factors.changes import end_opened_with, hold, number_of, tell
from app_server.identity.factors.problems import AuthenticatorAppAlreadyOn, SecondCodeNotAccepted
from app_server.identity.models import Resident, SignInMethod
from app_server.identity.phones import mask
from app_server.identity.presence import Purpose, give_ticket, require_presence
from app_server.kernel.ids import uuid7
from app_server.kernel.limits import Rate, limit
from app_server.kernel.problems import NotFound
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import execute, fetchrow, in_unit_of_work

SECRET = "authenticator.secret"  # the name that sealed secrets are bound to
TO_CONFIRM = timedelta(hours=1)
PER_RESIDENT = Rate(most=20, per=timedelta(hours=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUp:
    """What goes into the app, by hand or as a QR code."""

    secret: str
    address: str


@in_unit_of_work
async def set_up(resident_id: UUID, *, here: UUID, locale: str, state: AppState) -> SetUp:
    """A new secret, which counts once it is confirmed; one that was not confirmed is forgotten. Problems:
    `authenticator_app_already_on`, `insufficient_user_authentication`, those of `hold`.
    """
    resident, secret, keys = await hold(resident_id), otp.new_secret(), state["keys"]
    await require_presence(resident_id, here, Purpose.APP, state=state)
    kept = await execute(
        "INSERT INTO core_authenticator_app AS a (id, resident_id, secret_sealed, last_step, created_at)"
        " VALUES ($1, $2, $3, 0, $4) ON CONFLICT (resident_id) DO UPDATE"
        " SET secret_sealed = excluded.secret_sealed, created_at = excluded.created_at WHERE a.confirmed_at IS NULL",
        uuid7(),
        resident_id,
        keys.seal(SECRET, secret),
        state["clock"](),
    )
    if not kept:
        raise AuthenticatorAppAlreadyOn()
    return _to_scan(resident, secret, locale, state)


async def waiting(resident_id: UUID, *, locale: str, state: AppState) -> SetUp | None:
    """What waits to be confirmed, if anything does."""
    row = await fetchrow(_WAITING, resident_id, state["clock"]() - TO_CONFIRM)
    if row is None:
        return None
    return _to_scan(await Resident.get(id=resident_id), state["keys"].open(SECRET, row["secret_sealed"]), locale, state)


def _to_scan(resident: Resident, secret: str, locale: str, state: AppState) -> SetUp:
    account = mask(number_of(resident, state["keys"]))
    return SetUp(secret=secret, address=otp.address(secret, issuer=state["settings"].city(locale), account=account))


async def confirm(resident_id: UUID, code: str, *, here: UUID, state: AppState) -> None:
    """From now on sign-in asks for the app; recovery codes can be made at once. Problems: `second_code_not_accepted`,
    `not_found` when nothing waits to be confirmed, `too_many_requests`, those of `hold`.
    """
    await limit(state["redis"], "app:resident", resident_id.hex, PER_RESIDENT, fail_open=False)
    await _confirm(resident_id, code, here, state)


@in_unit_of_work
async def _confirm(resident_id: UUID, code: str, here: UUID, state: AppState) -> None:
    await hold(resident_id)
    now = state["clock"]()
    row = await fetchrow(_WAITING, resident_id, now - TO_CONFIRM)
    if row is None:
        raise NotFound()
    step = otp.step_of(state["keys"].open(SECRET, row["secret_sealed"]), code, now)
    if step is None:
        raise SecondCodeNotAccepted()
    await execute(
        "UPDATE core_authenticator_app SET confirmed_at = $2, last_step = $3 WHERE resident_id = $1",
        resident_id,
        now,
        step,
    )
    await give_ticket(here, Purpose.CODES, assurance.LEVELS[assurance.TWO_STEPS], state=state)
    await tell(resident_id, "app_on", state=state)


@in_unit_of_work
async def turn_off(resident_id: UUID, *, here: UUID, state: AppState) -> list[UUID]:
    """Ask for it no longer; the ids of the sessions that ended with it. Problems: `not_found`,
    `insufficient_user_authentication`, those of `hold`.
    """
    await hold(resident_id)
    await require_presence(resident_id, here, Purpose.APP, state=state)
    if not await execute(
        "DELETE FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NOT NULL", resident_id
    ):
        raise NotFound()
    await tell(resident_id, "app_off", state=state)
    return await end_opened_with(resident_id, [SignInMethod.OTP_TOTP, SignInMethod.PWD_TOTP], here=here, state=state)


async def is_on(resident_id: UUID) -> bool:
    """Whether sign-in asks for an app."""
    return await fetchrow(_ON, resident_id) is not None


async def accept(resident_id: UUID, code: str, *, state: AppState) -> bool:
    """Whether this is a code of the app that was not used yet; it is used then. In the caller's unit of work."""
    row = await fetchrow(_ON, resident_id)
    step = otp.step_of(state["keys"].open(SECRET, row["secret_sealed"]), code, state["clock"]()) if row else None
    return step is not None and bool(
        await execute(
            "UPDATE core_authenticator_app SET last_step = $2 WHERE resident_id = $1 AND last_step < $2",
            resident_id,
            step,
        )
    )


_WAITING = (
    "SELECT secret_sealed FROM core_authenticator_app"
    " WHERE resident_id = $1 AND confirmed_at IS NULL AND created_at > $2"
)
_ON = "SELECT secret_sealed FROM core_authenticator_app WHERE resident_id = $1 AND confirmed_at IS NOT NULL"
