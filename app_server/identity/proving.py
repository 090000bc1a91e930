"""How somebody who is signed in proves that they are there, as use cases; what for, says `presence`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity import assurance, passkeys, phone_codes
from app_server.identity.factors import second_steps
from app_server.identity.factors.changes import hold, number_of
from app_server.identity.factors.problems import SecondCodeNotAccepted
from app_server.identity.models import Resident
from app_server.identity.phones import Phone
from app_server.identity.presence import Purpose, give_ticket, level_needed
from app_server.kernel.limits import Rate, limit
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import in_unit_of_work

PER_RESIDENT = Rate(most=20, per=timedelta(hours=1))


async def send_code(
    resident_id: UUID, here: UUID, *, locale: str, address: str, device: str | None, state: AppState
) -> UUID:
    """Send a code to the resident's own phone, good for this session alone; the challenge's id. Problems:
    `too_many_requests`, `temporarily_unavailable`.
    """
    number = Phone(number_of(await Resident.get(id=resident_id), state["keys"]))
    return await phone_codes.send_for_presence(number, here, locale=locale, address=address, device=device, state=state)


async def by_phone(
    resident_id: UUID, here: UUID, purpose: Purpose, challenge_id: UUID, code: str, *, state: AppState
) -> None:
    """A ticket for the right code. Problems: `code_not_accepted`, `challenge_over`, those of `hold`."""
    await phone_codes.right_code(challenge_id, code, presence_of=here, state=state)
    await _by_phone(resident_id, here, purpose, challenge_id, state)


@in_unit_of_work
async def _by_phone(resident_id: UUID, here: UUID, purpose: Purpose, challenge_id: UUID, state: AppState) -> None:
    await hold(resident_id)
    await phone_codes.use_up(challenge_id, state=state)
    await give_ticket(here, purpose, assurance.LEVELS[assurance.PHONE], state=state)


async def by_code(resident_id: UUID, here: UUID, purpose: Purpose, code: str, *, state: AppState) -> None:
    """A ticket for a code of the app or a recovery code. Problems: `second_code_not_accepted`, `too_many_requests`,
    those of `hold`.
    """
    await limit(state["redis"], "app:resident", resident_id.hex, PER_RESIDENT, fail_open=False)
    if not await _by_code(resident_id, here, purpose, code, state):
        raise SecondCodeNotAccepted()


@in_unit_of_work
async def _by_code(resident_id: UUID, here: UUID, purpose: Purpose, code: str, state: AppState) -> bool:
    await hold(resident_id)
    if await second_steps.kind_of(resident_id, code, state=state) is None:
        return False
    await give_ticket(here, purpose, assurance.LEVELS[assurance.TWO_STEPS], state=state)
    return True


async def by_passkey(
    resident_id: UUID,
    here: UUID,
    purpose: Purpose,
    challenge_id: UUID,
    credential: Mapping[str, Any],
    *,
    state: AppState,
) -> None:
    """A ticket for a signature. Problems: `passkey_challenge_over`, `passkey_not_accepted`, those of `hold`."""
    await passkeys.prove(resident_id, challenge_id, credential, state=state)
    await _by_passkey(resident_id, here, purpose, state)


@in_unit_of_work
async def _by_passkey(resident_id: UUID, here: UUID, purpose: Purpose, state: AppState) -> None:
    await hold(resident_id)
    await give_ticket(here, purpose, assurance.LEVELS[assurance.PASSKEY], state=state)


async def asks_for_app(resident_id: UUID) -> bool:
    """Whether a code to the phone is not enough for this resident."""
    return await level_needed(resident_id) > assurance.LEVELS[assurance.PHONE]
