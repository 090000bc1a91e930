"""Which modules exist, what follows from which fact, and who implements which port: the whole house on one screen."""

from collections.abc import Sequence

from app_server.authorization.events import ConsentWithdrawn, ScreenAllowed
from app_server.authorization.leaving import take_back_everything
from app_server.authorization.module import module as authorization
from app_server.authorization.notices import tell_of_screen
from app_server.authorization.registered import registered_clients
from app_server.gateway.events import tell_app_consent_is_withdrawn
from app_server.gateway.logouts import tell_services
from app_server.gateway.module import module as gateway
from app_server.gateway.module import provider_simulator_module, register_simulator_module
from app_server.gateway.outside import OutsideServers
from app_server.gateway.register import Register
from app_server.identity.acting.ending import end_mandates
from app_server.identity.acting.events import MandateAccepted, MandateEnded, MandateOffered
from app_server.identity.acting.notices import tell_of_acceptance, tell_of_end, tell_of_offer
from app_server.identity.events import (
    FactorChanged,
    IdentityProofRevoked,
    IdentityProven,
    PasskeyAdded,
    PasskeyCounterFellBack,
    RefreshTokenReused,
    ResidentDeleted,
    ResidentDied,
    ServicesSignedOut,
    SignedInOnNewDevice,
)
from app_server.identity.module import module as identity
from app_server.identity.notices import (
    tell_of_change,
    tell_of_counter,
    tell_of_new_device,
    tell_of_passkey,
    tell_of_proof,
    tell_of_reuse,
    tell_of_revoked_proof,
)
from app_server.kernel.authentication import Authenticator
from app_server.kernel.events import Reactions, reaction_jobs
from app_server.kernel.housekeeping import module as kernel
from app_server.kernel.jobs import Job, Schedule
from app_server.kernel.modules import Module
from app_server.kernel.ports import EitherClients, Ports
from app_server.kernel.resealing import Sealed
from app_server.kernel.routing import Route
from app_server.kernel.settings import Mode, Settings
from app_server.kernel.state import AppState
from app_server.openapi import openapi_route
from app_server.pages.module import module as pages
from app_server.registry.clients import PublishedClients
from app_server.registry.module import module as registry
from card_wallet.erasing import erase_cards
from card_wallet.events import CardPresented
from card_wallet.module import module as card_wallet
from notifications.erasing import erase_inbox
from notifications.inbox import ResidentInbox
from notifications.module import carrier_simulator_module
from notifications.module import module as notifications
from notifications.sms import CarrierOutbox
from personal_space.ledger import ResidentLedger
from personal_space.module import module as personal_space
from personal_space.reactions import enter_presentation

MODULES = (kernel, identity, registry, authorization, gateway, notifications, card_wallet, personal_space, pages)
SIMULATORS = (carrier_simulator_module, register_simulator_module, provider_simulator_module)

REACTIONS: Reactions = {
    IdentityProofRevoked: [tell_of_revoked_proof],
    IdentityProven: [tell_of_proof],
    CardPresented: [enter_presentation],
    ConsentWithdrawn: [tell_app_consent_is_withdrawn],
    FactorChanged: [tell_of_change],
    MandateAccepted: [tell_of_acceptance],
    MandateEnded: [tell_of_end],
    MandateOffered: [tell_of_offer],
    PasskeyAdded: [tell_of_passkey],
    ScreenAllowed: [tell_of_screen],
    PasskeyCounterFellBack: [tell_of_counter],
    RefreshTokenReused: [tell_of_reuse],
    ResidentDeleted: [take_back_everything, end_mandates, erase_cards, erase_inbox],
    ResidentDied: [take_back_everything, end_mandates],
    ServicesSignedOut: [tell_services],
    SignedInOnNewDevice: [tell_of_new_device],
}


def modules(settings: Settings) -> Sequence[Module]:
    """The modules of this process; the demo has its simulators beside them."""
    return (*MODULES, *SIMULATORS) if settings.mode is Mode.DEMO else MODULES


def ports(state: AppState) -> Ports:
    """Who does what siblings ask for. Called once, after every module has added to the state."""
    return Ports(
        clients=EitherClients(PublishedClients(state), registered_clients(state)),
        ledger=ResidentLedger(clock=state["clock"]),
        sms=CarrierOutbox(keys=state["keys"], clock=state["clock"]),
        inbox=ResidentInbox(state=state),
        register=Register(state["settings"]),
        outside=OutsideServers(state["settings"]),
    )


def authenticator(settings: Settings) -> Authenticator:
    """Every form of credential."""
    return Authenticator([credential for module in modules(settings) for credential in module.credentials])


def routes(settings: Settings) -> list[Route]:
    """Every route of the core."""
    found = [route for module in modules(settings) for route in module.routes]
    return [*found, openapi_route(found)]


def jobs(settings: Settings) -> dict[str, Job]:
    """Every kind of job by name: those of the modules, and one for each reaction."""
    found = [job for module in modules(settings) for job in module.jobs] + reaction_jobs(REACTIONS)
    return {job.name: job for job in found}


def sealed(settings: Settings) -> list[Sealed]:
    """Every column with sealed values."""
    return [column for module in modules(settings) for column in module.sealed]


def schedules(settings: Settings) -> list[Schedule]:
    """Everything that falls due by the clock."""
    return [schedule for module in modules(settings) for schedule in module.schedules]
