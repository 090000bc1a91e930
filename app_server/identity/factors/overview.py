"""All factors of a resident at one look."""

from uuid import UUID

from app_server.identity.factors.schemas import Factors
from app_server.identity.phones import mask
from app_server.kernel.state import AppState
from app_server.kernel.unit_of_work import fetchrow


async def factors_of(resident_id: UUID, *, state: AppState) -> Factors:
    """What the resident has."""
    row = await fetchrow(
        "SELECT r.phone_sealed, p.set_at, a.confirmed_at,"
        " (SELECT count(*) FROM core_recovery_code c WHERE c.resident_id = r.id AND c.used_at IS NULL) AS codes,"
        " (SELECT count(*) FROM core_passkey k WHERE k.resident_id = r.id) AS passkeys"
        " FROM core_resident r LEFT JOIN core_password p ON p.resident_id = r.id"
        " LEFT JOIN core_authenticator_app a ON a.resident_id = r.id AND a.confirmed_at IS NOT NULL WHERE r.id = $1",
        resident_id,
    )
    return Factors(
        phone_masked=mask(state["keys"].open("resident.phone", row["phone_sealed"])),
        password_set_at=row["set_at"],
        authenticator_app_since=row["confirmed_at"],
        recovery_codes_left=row["codes"],
        passkeys=row["passkeys"],
    )
