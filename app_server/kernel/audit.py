"""The audit: every privileged act, in the transaction of the act, never changed after."""

from typing import Any

from app_server.kernel.models import AuditEntry


async def audit(
    actor_kind: str,
    actor_id: object,
    action: str,
    subject: str,
    *,
    reason: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write an entry in the present unit of work; `action` like `listing.suspended`, `subject` like `app:library`."""
    await AuditEntry.create(
        actor_kind=actor_kind,
        actor_id=str(actor_id),
        action=action,
        subject=subject,
        reason=reason,
        details=details or {},
    )
