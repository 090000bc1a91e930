"""What follows when a resident dies, or deletes their account: no app goes on in their name."""

from uuid import UUID

from app_server.authorization.events import ConsentWithdrawn
from app_server.identity.events import ResidentDeleted, ResidentDied
from app_server.kernel.events import record
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetch


async def take_back_everything(event: ResidentDied | ResidentDeleted, *, event_id: UUID, state: AppState) -> None:
    """Withdraw every consent that stands; the apps hear of each. Their sessions have ended with the account."""
    rows = await fetch(
        "UPDATE core_consent SET withdrawn_at = $2 WHERE resident_id = $1 AND withdrawn_at IS NULL"
        " RETURNING app_id, sub, scope",
        event.resident_id,
        event.at,
    )
    for row in rows:
        await record(
            ConsentWithdrawn(resident_id=event.resident_id, app_id=row["app_id"], sub=row["sub"], scope=row["scope"])
        )
