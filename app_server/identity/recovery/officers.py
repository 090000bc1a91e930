"""Recoveries at the counter, as use cases: one officer opens, another approves; officers and the owner can cancel."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from app_server.identity import phones
from app_server.identity.factors import recovery_codes
from app_server.identity.models import Resident
from app_server.identity.recovery.models import Evidence, Outcome, Recovery
from app_server.identity.recovery.problems import RecoveryNeedsAnother
from app_server.identity.recovery.schemas import OpenedRecovery, OwnRecovery, RecoveryPage, RecoveryView
from app_server.identity.service import new_secret, phone_index
from app_server.kernel.audit import audit
from app_server.kernel.crypto import KeyRing, token_hash
from app_server.kernel.ids import uuid7
from app_server.kernel.problems import NotFound
from app_server.kernel.schemas import PageRequest
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch, fetchrow, in_unit_of_work

UNAPPROVED_FOR = timedelta(hours=8)  # an officer's day; what nobody approved by then is opened anew
LIFE = timedelta(days=14)  # from the opening on
_SHOWN = "id, resident_id, evidence, opened_by, opened_at, ready_at"
_SMS = {
    "zh-CN": "【{city}】窗口正在为您的账号办理找回，{hours} 小时后可换绑手机号码。如非您本人，请取消：{link}",
    "en": "{city}: a counter is giving your account back to who says to be you; in {hours} hours it gets a new number."
    " If it is not you, cancel: {link}",
}


@in_unit_of_work
async def open_recovery(phone: str, evidence: Evidence, *, by: UUID, state: AppState) -> OpenedRecovery:
    """Open one, in place of one that is open; with the code for the resident. Problems: `not_found`,
    `recovery_needs_another`.
    """
    number, now = phones.normalise(phone), state["clock"]()
    index = phone_index(state["keys"], number) if number else ""
    resident = await Resident.filter(phone_index=index).select_for_update().first()
    if resident is None:
        raise NotFound()
    if resident.id == by:
        raise RecoveryNeedsAnother()
    await _end("resident_id = $3", resident.id, Outcome.REPLACED, state)
    code = recovery_codes.written("".join(secrets.choice(recovery_codes.ALPHABET) for _ in range(16)))
    made = await Recovery.create(
        id=uuid7(),
        resident=resident,
        evidence=evidence,
        code_hash=code_hash(state["keys"], code),
        opened_by=by,
        opened_at=now,
    )
    await audit("operator", by, "recovery.opened", f"resident:{resident.id}", details={"evidence": evidence.value})
    return OpenedRecovery(
        id=made.id,
        resident_id=resident.id,
        evidence=evidence,
        opened_by=by,
        opened_at=now,
        ready_at=None,
        code=code,
    )


@in_unit_of_work
async def approve_recovery(recovery_id: UUID, *, by: UUID, state: AppState) -> RecoveryView:
    """Let the time begin in which the owner can say no; they are told on every device and by text message. Problems:
    `not_found`, `recovery_needs_another`.
    """
    row = await fetchrow(
        f"SELECT {_SHOWN} FROM core_recovery WHERE id = $1 AND ended_at IS NULL AND opened_at > $2 FOR UPDATE",
        recovery_id,
        state["clock"]() - UNAPPROVED_FOR,
    )
    if row is None:
        raise NotFound()
    if by in (row["opened_by"], row["resident_id"]):
        raise RecoveryNeedsAnother()
    if row["ready_at"] is not None:
        return _view(row)
    hours, cancel = state["settings"].recovery_hours, new_secret("bc")
    ready_at = state["clock"]() + timedelta(hours=hours)
    approved = await fetchrow(
        f"UPDATE core_recovery SET approved_by = $2, ready_at = $3, cancel_hash = $4 WHERE id = $1 RETURNING {_SHOWN}",
        recovery_id,
        by,
        ready_at,
        token_hash(cancel),
    )
    await audit("operator", by, "recovery.approved", f"resident:{row['resident_id']}")
    await _warn(row["resident_id"], recovery_id, cancel, state)
    return _view(approved)


async def _warn(resident_id: UUID, recovery_id: UUID, cancel: str, state: AppState) -> None:
    resident, hours, settings = await Resident.get(id=resident_id), state["settings"].recovery_hours, state["settings"]
    if resident.phone_sealed is None:
        return
    text = _SMS.get(resident.locale, _SMS["en"]).format(
        city=settings.city(resident.locale), hours=hours, link=f"{settings.base_url}/recover/cancel/{cancel}"
    )
    number = state["keys"].open("resident.phone", resident.phone_sealed)
    await state["ports"].sms.queue_sms(to=number, text=text, unique_key=f"recovery:{recovery_id}")
    texts = {
        "zh-CN": {
            "title": "窗口正在找回您的账号",
            "body": f"{hours} 小时后账号将换绑手机号码。如非您本人，请立即取消。",
        },
        "en": {
            "title": "A counter is recovering your account",
            "body": f"In {hours} hours it can get a new mobile number. If it is not you who asked for it, cancel it.",
        },
    }
    await state["ports"].inbox.deliver(
        resident_id=resident_id, app_id=None, texts=texts, link="/security", unique_key=f"recovery:{recovery_id}"
    )


async def open_recoveries(page: PageRequest) -> RecoveryPage:
    """Those that have not ended, the newest first."""
    rows = await fetch(
        f"SELECT {_SHOWN} FROM core_recovery WHERE ended_at IS NULL AND ($1::uuid IS NULL OR id < $1)"
        " ORDER BY id DESC LIMIT $2",
        page.place(UUID),
        page.limit + 1,
    )
    shown, following = page.part(rows, "id")
    return RecoveryPage(items=[_view(row) for row in shown], next=following)


async def own_recovery(resident_id: UUID) -> OwnRecovery:
    """What is under way for the resident's account."""
    row = await fetchrow(
        "SELECT opened_at, ready_at FROM core_recovery WHERE resident_id = $1 AND ended_at IS NULL", resident_id
    )
    return OwnRecovery(opened_at=row and row["opened_at"], ready_at=row and row["ready_at"])


@in_unit_of_work
async def cancel_own(resident_id: UUID, *, state: AppState) -> None:
    """The owner says no, from any device where they are signed in. Problem: `not_found`."""
    if not await _end("resident_id = $3", resident_id, Outcome.CANCELLED, state):
        raise NotFound()
    await audit("resident", resident_id, "recovery.cancelled", f"resident:{resident_id}")


@in_unit_of_work
async def cancel_by_link(cancel: str, *, state: AppState) -> bool:
    """The owner says no, by the link in the text message; whether there was anything to cancel."""
    for row in await _end("cancel_hash = $3", token_hash(cancel), Outcome.CANCELLED, state):
        await audit("resident", row["resident_id"], "recovery.cancelled", f"resident:{row['resident_id']}")
        return True
    return False


@in_unit_of_work
async def cancel_recovery(recovery_id: UUID, *, by: UUID, state: AppState) -> None:
    """An officer ends it. Problem: `not_found`."""
    rows = await _end("id = $3", recovery_id, Outcome.CANCELLED, state)
    if not rows:
        raise NotFound()
    await audit("operator", by, "recovery.cancelled", f"resident:{rows[0]['resident_id']}")


async def _end(which: str, value: object, outcome: Outcome, state: AppState) -> list[Any]:
    return await fetch(
        f"UPDATE core_recovery SET ended_at = $1, ended_as = $2 WHERE ended_at IS NULL AND {which}"
        " RETURNING resident_id",
        state["clock"](),
        outcome.value,
        value,
    )


def code_hash(keys: KeyRing, code: str) -> str:
    """How a code of the counter is kept."""
    return keys.blind_index("counter.code", recovery_codes.read(code)).hex()


def _view(row: Any) -> RecoveryView:
    return RecoveryView(**{name: row[name] for name in RecoveryView.model_fields})
