"""What a resident is told about the ways into their account; `app_server/wiring.py` says after which facts."""

from uuid import UUID

from app_server.identity.events import (
    FactorChanged,
    IdentityProofRevoked,
    IdentityProven,
    PasskeyAdded,
    PasskeyCounterFellBack,
    RefreshTokenReused,
    SignedInOnNewDevice,
)
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow

PAGE = "/me/sessions"
SECURITY = "/security"
IDENTITY = "/me/identity"

Texts = dict[str, dict[str, str]]

CHANGES = {  # what changed: the titles in Chinese and English
    "password_set": ("您的账号设置了密码", "A password was set for your account"),
    "password_removed": ("您的账号移除了密码", "The password of your account was removed"),
    "app_on": ("您的账号开启了身份验证器", "An authenticator app was set up for your account"),
    "app_off": ("您的账号关闭了身份验证器", "The authenticator app of your account was turned off"),
    "recovery_codes_made": ("您的账号生成了新的恢复码", "New recovery codes were made for your account"),
    "number_changed": ("您的账号更换了手机号码", "The mobile number of your account was changed"),
    "number_restored": ("您的账号恢复了原手机号码", "The old mobile number of your account is back"),
    "recovered": ("您的账号已在窗口找回", "Your account was recovered at a counter"),
    "recovery_code_used": ("有人用恢复码登录了您的账号", "A recovery code of your account was used"),
}


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
    await tell(event.resident_id, texts, f"new-device:{event.session_id}", state)


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
    await tell(event.resident_id, texts, f"passkey:{event.passkey_id}", state)


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
    await tell(event.resident_id, texts, f"passkey-counter:{event_id}", state)


async def tell_of_reuse(event: RefreshTokenReused, *, event_id: UUID, state: AppState) -> None:
    """A session was ended, because there may be a copy of what kept it open."""
    client = state["ports"].clients.find(event.client_id) if event.client_id else None
    names = client.name if client else {"zh-CN": "城市应用", "en": "the city app"}
    texts = {
        "zh-CN": {
            "title": "为了安全，我们结束了您的一次登录",
            "body": f"登录的服务：{names['zh-CN']}。它的凭据可能被人复制过。"
            "请在那里重新登录；如果反复发生，请到服务窗口。",
        },
        "en": {
            "title": "We ended one of your sign-ins, to be safe",
            "body": f"It was to: {names['en']}. Somebody may have a copy of what kept it open."
            " Sign in there again; if this comes back, visit a service counter.",
        },
    }
    await tell(event.resident_id, texts, f"reuse:{event.session_id}", state)


async def tell_of_change(event: FactorChanged, *, event_id: UUID, state: AppState) -> None:
    """A way into the account changed; if it was not they, they can see to it at once."""
    in_chinese, in_english = CHANGES[event.change]
    texts = {
        "zh-CN": {"title": in_chinese, "body": "如果不是您本人，请立即查看登录方式，并结束不认识的登录。"},
        "en": {
            "title": in_english,
            "body": "If it was not you, look at your ways to sign in, and end the sessions that you do not know.",
        },
    }
    await tell(event.resident_id, texts, f"factor:{event_id}", state, link=SECURITY)


async def tell_of_proof(event: IdentityProven, *, event_id: UUID, state: AppState) -> None:
    """The account stands for a verified person now; somebody else's account should not."""
    texts = {
        "zh-CN": {"title": "您的身份已核验", "body": "如果不是您本人办理，请立即到服务窗口。"},
        "en": {
            "title": "Your identity was verified",
            "body": "If it was not you who asked for it, visit a service counter at once.",
        },
    }
    await tell(event.resident_id, texts, f"identity:{event.proof_id}", state, link=IDENTITY)


async def tell_of_revoked_proof(event: IdentityProofRevoked, *, event_id: UUID, state: AppState) -> None:
    """A level is never lowered silently."""
    texts = {
        "zh-CN": {"title": "您的一项身份核验已撤销", "body": "原因和更正办法，请到服务窗口了解。"},
        "en": {
            "title": "A verification of your identity was taken back",
            "body": "A service counter tells you why, and how to put it right.",
        },
    }
    await tell(event.resident_id, texts, f"identity-revoked:{event.proof_id}", state, link=IDENTITY)


async def tell(resident_id: UUID, texts: Texts, unique_key: str, state: AppState, *, link: str = PAGE) -> None:
    """Put it into their inbox, once for a key; nobody who is deleted meanwhile gets anything."""
    if not await fetchrow("SELECT 1 FROM core_resident WHERE id = $1 AND phone_index IS NOT NULL", resident_id):
        return
    await state["ports"].inbox.deliver(
        resident_id=resident_id, app_id=None, texts=texts, link=link, unique_key=unique_key
    )
