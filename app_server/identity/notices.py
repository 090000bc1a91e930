"""What a resident is told about the ways into their account; `app_server/wiring.py` says after which facts."""

from uuid import UUID

from app_server.identity.events import PasskeyAdded, PasskeyCounterFellBack, SignedInOnNewDevice
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow

PAGE = "/me/sessions"

Texts = dict[str, dict[str, str]]


async def tell_of_new_device(event: SignedInOnNewDevice, *, event_id: UUID, state: AppState) -> None:
    """Somebody signed in where the resident never did; if it was not they, they can end it at once."""
    texts = {
        "zh-CN": {
            "title": "您的账号在新设备上登录",
            "body": f"设备：{event.device or '未知'}。如果不是您本人，请结束该登录。",
        },
        "en": {
            "title": "Your account was opened on a new device",
            "body": f"Device: {event.device or 'unknown'}. If it was not you, end that sign-in.",
        },
    }
    await _tell(event.resident_id, texts, f"new-device:{event.session_id}", state)


async def tell_of_passkey(event: PasskeyAdded, *, event_id: UUID, state: AppState) -> None:
    """A new way into the account is there."""
    texts = {
        "zh-CN": {
            "title": "您的账号添加了通行密钥",
            "body": f"添加时使用的设备：{event.device or '未知'}。如果不是您本人，请移除该通行密钥。",
        },
        "en": {
            "title": "A passkey was added to your account",
            "body": f"Made on: {event.device or 'an unknown device'}. If it was not you, remove that passkey.",
        },
    }
    await _tell(event.resident_id, texts, f"passkey:{event.passkey_id}", state)


async def tell_of_counter(event: PasskeyCounterFellBack, *, event_id: UUID, state: AppState) -> None:
    """A passkey may have been copied."""
    texts = {
        "zh-CN": {
            "title": "我们拒绝了一次通行密钥登录",
            "body": "这把通行密钥可能有一份副本。请移除它，再添加一把新的。您仍可用手机号码登录。",
        },
        "en": {
            "title": "We refused a sign-in with one of your passkeys",
            "body": "There may be a copy of that passkey. Remove it and add a new one."
            " You can still sign in with your mobile number.",
        },
    }
    await _tell(event.resident_id, texts, f"passkey-counter:{event_id}", state)


async def _tell(resident_id: UUID, texts: Texts, unique_key: str, state: AppState) -> None:
    if not await fetchrow("SELECT 1 FROM core_resident WHERE id = $1 AND phone_index IS NOT NULL", resident_id):
        return  # deleted meanwhile: nothing may come into an inbox that is erased
    await state["ports"].inbox.deliver(
        resident_id=resident_id, app_id=None, texts=texts, link=PAGE, unique_key=unique_key
    )
