"""What a resident is told about programs of others; `app_server/wiring.py` says after which facts."""

from uuid import UUID

from app_server.authorization.events import ScreenAllowed
from app_server.authorization.views import text_of
from app_server.identity.notices import tell
from app_server.kernel.state import AppState

CONSENTS = "/me/consents"


async def tell_of_screen(event: ScreenAllowed, *, event_id: UUID, state: AppState) -> None:
    """A screen knows who they are now; if somebody talked them into it, they can end it at once."""
    client = state["ports"].clients.find(event.client_id)
    if client is None:
        return  # closed meanwhile, and the screen with it
    texts = {
        "zh-CN": {
            "title": f"您已让“{text_of(client.name, 'zh-CN')}”的一块屏幕知道您是谁",
            "body": "如果您当时不在那块屏幕前，请立即收回授权。",
        },
        "en": {
            "title": f"You let a screen of {text_of(client.name, 'en')} know who you are",
            "body": "If you were not standing in front of it, take that consent back at once.",
        },
    }
    await tell(event.resident_id, texts, f"screen:{event.request_id}", state, link=CONSENTS)
