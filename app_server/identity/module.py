"""Identity as the host sees it."""

from app_server.identity.acting.capacity import resolve_acting
from app_server.identity.acting.company_routes import company_routes
from app_server.identity.acting.counter_routes import counter_mandate_routes
from app_server.identity.acting.ending import end_due, forget_old
from app_server.identity.acting.routes import mandate_routes
from app_server.identity.cookies import ACTING_COOKIE, SESSION_COOKIE
from app_server.identity.counter_routes import counter_routes
from app_server.identity.factors.routes import factor_routes
from app_server.identity.forgetting import forget_old_challenges, forget_old_sessions
from app_server.identity.passkey_routes import passkey_routes
from app_server.identity.phone_changes.routes import phone_change_routes
from app_server.identity.presence_routes import presence_routes
from app_server.identity.proofing.routes import proofing_routes
from app_server.identity.recovery.routes import recovery_routes
from app_server.identity.routes import routes
from app_server.identity.session_routes import session_routes
from app_server.identity.sessions import lifespan, resolve_cookie
from app_server.kernel.access import Operator, Provider, Resident
from app_server.kernel.authentication import Credential
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.resealing import Sealed

module = Module(
    name="identity",
    routes=[
        *(
            *routes,
            *passkey_routes,
            *session_routes,
            *mandate_routes,
            *counter_mandate_routes,
            *company_routes,
            *counter_routes,
        ),
        *(*factor_routes, *presence_routes, *proofing_routes, *recovery_routes, *phone_change_routes),
    ],
    jobs=[
        Job(name="forget_old_challenges", handler=forget_old_challenges),
        Job(name="forget_old_sessions", handler=forget_old_sessions),
        Job(name="end_due_mandates", handler=end_due),
        Job(name="forget_old_mandates", handler=forget_old),
    ],
    schedules=[
        Schedule(job="forget_old_challenges", cron="17 * * * *"),
        Schedule(job="forget_old_sessions", cron="27 * * * *"),
        Schedule(job="end_due_mandates", cron="* * * * *"),
        Schedule(job="forget_old_mandates", cron="37 4 * * *"),
    ],
    credentials=[  # the first that a browser brings is who it is
        Credential(prefix="ba_", cookie=ACTING_COOKIE, kinds=(Resident, Operator, Provider), resolve=resolve_acting),
        Credential(prefix="bs_", cookie=SESSION_COOKIE, kinds=(Resident, Operator, Provider), resolve=resolve_cookie),
    ],
    sealed=[
        Sealed(table="core_resident", column="phone_sealed", field="resident.phone"),
        Sealed(table="core_phone_change", column="old_phone_sealed", field="resident.phone"),
        Sealed(table="core_resident", column="name_sealed", field="resident.name"),
        Sealed(table="core_resident", column="birth_date_sealed", field="resident.birth_date"),
        Sealed(table="core_mandate", column="to_phone_sealed", field="mandate.phone"),
        Sealed(table="core_sign_in_challenge", column="phone_sealed", field="challenge.phone"),
        Sealed(table="core_passkey", column="name_sealed", field="passkey.name"),
        Sealed(table="core_password", column="hash_sealed", field="password.hash"),
        Sealed(table="core_authenticator_app", column="secret_sealed", field="authenticator.secret"),
        Sealed(table="core_identity_proof", column="name_sealed", field="identity.name"),
        Sealed(table="core_identity_proof", column="birthdate_sealed", field="identity.birthdate"),
        Sealed(table="core_outside_check", column="verifier_sealed", field="outside.verifier"),
        Sealed(table="core_session", column="name_sealed", field="session.name"),
        Sealed(table="core_session", column="network_sealed", field="session.network"),
        Sealed(table="core_refresh_token", column="successor_sealed", field="refresh.successor"),
    ],
    lifespan=lifespan,
)
