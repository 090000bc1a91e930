"""What both sides of a mandate are told; `app_server/wiring.py` says after which facts."""

from typing import Any
from uuid import UUID

from app_server.identity.acting.events import MandateAccepted, MandateEnded, MandateOffered
from app_server.identity.phones import mask
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow

PAGE = "/mandates"

Told = tuple[str, str]  # title and body

WAITING = {
    "zh-CN": ("有一份代办授权等您答复", "由 {agent} 替 {principal} 办事。您同意后才生效；不认识对方请拒绝。"),
    "en": (
        "A mandate waits for your answer",
        "{agent} would act for {principal}. It needs your yes; refuse strangers.",
    ),
}
OFFERED = {
    "zh-CN": ("代办授权在等对方同意", "由 {agent} 替 {principal} 办事。对方同意后才生效。"),
    "en": ("A mandate waits for the other side", "{agent} would act for {principal}. It needs the other's yes."),
}
ACCEPTED = {
    "zh-CN": ("代办授权已生效", "{agent} 现在可以替 {principal} 办事。双方都能看到办了什么，也都能随时终止。"),
    "en": ("A mandate is in force", "{agent} may act for {principal}. Both of you see what is done, and can end it."),
}
ENDED = {
    "zh-CN": ("代办授权已终止", "{agent} 不再能替 {principal} 办事。"),
    "en": ("A mandate has ended", "{agent} does not act for {principal}."),
}
NOBODY = {"zh-CN": "对方", "en": "Somebody"}

_PARTIES = """
SELECT m.*, p.name_sealed AS principal_name, p.phone_sealed AS principal_phone, a.name_sealed AS agent_name,
  a.phone_sealed AS agent_phone, t.id AS addressed
FROM core_mandate m LEFT JOIN core_resident p ON p.id = m.principal_id LEFT JOIN core_resident a ON a.id = m.agent_id
LEFT JOIN core_resident t ON t.phone_index = m.to_phone_index
WHERE m.id = $1
"""


async def tell_of_offer(event: MandateOffered, *, event_id: UUID, state: AppState) -> None:
    """Who is asked hears it, and who waits has it in writing; nobody, when the answer was faster."""
    row = await fetchrow(_PARTIES, event.mandate_id)
    if row is None or row[f"{event.waits_for}_accepted_at"] is not None:
        return
    for side in ("principal", "agent"):
        texts = WAITING if side == event.waits_for else OFFERED
        await _tell(row[f"{side}_id"] or row["addressed"], row, texts, f"mandate-offered:{event_id}", state)


async def tell_of_acceptance(event: MandateAccepted, *, event_id: UUID, state: AppState) -> None:
    """From here on the agent may act."""
    await _tell_both(event.mandate_id, ACCEPTED, f"mandate-accepted:{event_id}", state)


async def tell_of_end(event: MandateEnded, *, event_id: UUID, state: AppState) -> None:
    """It is over."""
    await _tell_both(event.mandate_id, ENDED, f"mandate-ended:{event_id}", state)


async def _tell_both(mandate_id: UUID, texts: dict[str, Told], unique_key: str, state: AppState) -> None:
    row = await fetchrow(_PARTIES, mandate_id)
    if row is not None:
        for side in ("principal", "agent"):
            await _tell(row[f"{side}_id"] or row["addressed"], row, texts, unique_key, state)


async def _tell(whom: UUID | None, row: Any, texts: dict[str, Told], unique_key: str, state: AppState) -> None:
    if whom is None:
        return
    filled = {
        locale: {
            "title": title,
            "body": body.format(
                agent=_called(row, "agent", locale, state), principal=_called(row, "principal", locale, state)
            ),
        }
        for locale, (title, body) in texts.items()
    }
    await state["ports"].inbox.deliver(
        resident_id=whom, app_id=None, texts=filled, link=PAGE, unique_key=f"{unique_key}:{whom}"
    )


def _called(row: Any, side: str, locale: str, state: AppState) -> str:
    keys, name, phone = state["keys"], row[f"{side}_name"], row[f"{side}_phone"]
    if name:
        return keys.open("resident.name", name)
    if row[f"{side}_id"] is None and row["to_phone_sealed"]:
        return mask(keys.open("mandate.phone", row["to_phone_sealed"]))
    return mask(keys.open("resident.phone", phone)) if phone else NOBODY[locale]
