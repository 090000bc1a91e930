"""Routes of the wallet: the resident's cards, the issuer's, and the readers'."""

from banyan_sdk.protocol import IssueCard, SetCardStatus
from starlette.responses import Response

from app_server.authorization.problems import ConsentWithdrawn
from app_server.identity.cookies import client_address
from app_server.kernel.access import Anonymous, MiniApp, OnBehalf, Operator, Provider, Resident, Verifier, access, actor
from app_server.kernel.cookies import clear_cookie, set_cookie
from app_server.kernel.drawing import svg
from app_server.kernel.idempotency import idempotent, key_of, takes_key
from app_server.kernel.languages import language_of
from app_server.kernel.limits import limit
from app_server.kernel.problems import (
    BadCursor,
    BodyTooLarge,
    NotFound,
    TooManyRequests,
    UnsupportedMediaType,
)
from app_server.kernel.routing import Route, delete, describe, get, post, put
from app_server.kernel.schemas import entity_tag, no_content, page_request, read, read_bytes, reply
from app_server.kernel.state import AppRequest
from card_wallet import pictures, readers, service, verification
from card_wallet.principals import COOKIE
from card_wallet.problems import (
    REFUSALS,
    CardCannotBeShown,
    CardCodeUnreadable,
    CardsOffline,
    CardStatusFinal,
    CardTypeNotDeclared,
    EnrolmentRefused,
    PictureNotRead,
)
from card_wallet.readers import Manager
from card_wallet.schemas import (
    AddVerifier,
    CardCode,
    CardPage,
    CardView,
    CodeText,
    EnrolledVerifier,
    EnrolmentCode,
    EnrolVerifier,
    IssuedCard,
    Verification,
    VerifierPage,
    VerifierView,
    VerifyCode,
)
from card_wallet.state import wallet_of

YEAR = 365 * 24 * 3600


@access(Resident, on_behalf=OnBehalf(what="cards"))
@describe(reply=CardPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_cards(request: AppRequest) -> Response:
    """The resident's cards."""
    resident = actor(request, Resident)
    page = page_request(request)
    return reply(await service.cards_of(resident.id, page, language=language_of(request), state=request.state))


@access(Resident, on_behalf=OnBehalf(what="cards"))
@describe(reply=CardView, problems=(NotFound,))
async def one_card(request: AppRequest) -> Response:
    """One card of the resident."""
    resident, card_id = actor(request, Resident), request.path_params["id"]
    card = await service.card_of(resident.id, card_id, language=language_of(request), state=request.state)
    return reply(card, headers={"etag": entity_tag(card.version)})


@access(Resident, on_behalf=OnBehalf(what="card_code", acts=True))
@describe(reply=CardCode, problems=(NotFound, CardCannotBeShown, CardsOffline))
async def show_card(request: AppRequest) -> Response:
    """A code that shows the card to a reader, good once and for a minute."""
    resident, card_id = actor(request, Resident), request.path_params["id"]
    return reply(await service.show_card(resident.id, card_id, state=request.state))


@access(Resident, on_behalf=OnBehalf(what="card_code", acts=True))
@describe(media_type="image/svg+xml", problems=(NotFound, CardCannotBeShown, CardsOffline))
async def show_card_as_picture(request: AppRequest) -> Response:
    """The code drawn, for pages without JavaScript. Each picture is a new code."""
    resident, card_id = actor(request, Resident), request.path_params["id"]
    shown = await service.show_card(resident.id, card_id, state=request.state)
    return Response(svg(shown.text), media_type="image/svg+xml", headers={"cache-control": "no-store"})


@access(MiniApp, scope="cards:issue")
@describe(body=IssueCard, reply=IssuedCard, status=201, problems=(CardTypeNotDeclared, ConsentWithdrawn))
@idempotent(required=True)
async def issue_card(request: AppRequest) -> Response:
    """A mini-app puts a card into a resident's wallet, or brings it up to date."""
    asked = await read(request, IssueCard)
    card = await service.issue_card(asked, app_id=actor(request, MiniApp).app_id, state=request.state)
    return reply(card, status=201, headers={"etag": entity_tag(card.version)})


@access(MiniApp, scope="cards:issue")
@describe(body=SetCardStatus, reply=IssuedCard, problems=(NotFound, CardStatusFinal))
@idempotent()
async def set_card_status(request: AppRequest) -> Response:
    """The issuer suspends a card, lifts the suspension, or revokes it."""
    asked, card_id = await read(request, SetCardStatus), request.path_params["id"]
    card = await service.change_status(card_id, asked, app_id=actor(request, MiniApp).app_id, state=request.state)
    return reply(card, headers={"etag": entity_tag(card.version)})


@access(Verifier, scope="cards:verify")
@describe(
    body=VerifyCode,
    reply=Verification,
    status=201,
    problems=(*REFUSALS.values(), CardsOffline, TooManyRequests),
)
@takes_key
async def verify_code(request: AppRequest) -> Response:
    """A reader asks whether a shown code is good."""
    asked = await read(request, VerifyCode)
    found = await verification.verify_code(
        asked.code.strip("\r\n\t"),
        reader=actor(request, Verifier),
        key=key_of(request),
        language=language_of(request),
        state=request.state,
    )
    return reply(found, status=201)


@access(Verifier, scope="cards:verify")
@describe(
    reply=CodeText,
    body_media_types=tuple(pictures.FORMATS),
    problems=(CardCodeUnreadable, PictureNotRead, UnsupportedMediaType, BodyTooLarge, TooManyRequests),
)
async def read_picture(request: AppRequest) -> Response:
    """The text of the code in a picture, for a reader whose own camera cannot read codes."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in pictures.FORMATS:
        raise UnsupportedMediaType("Send a picture as image/png, image/jpeg or image/webp.")
    await limit(request.state["redis"], "cards:pictures", actor(request, Verifier).id.hex, pictures.PER_READER)
    picture = await read_bytes(request, most=pictures.MAX_BYTES)
    return reply(CodeText(text=await pictures.read_code(picture, media_type, wallet_of(request.state).pictures)))


@access(Operator, Provider)
@describe(body=AddVerifier, reply=EnrolmentCode, status=201)
@idempotent()
async def add_verifier(request: AppRequest) -> Response:
    """Add a reader; the answer has the one-time code that makes a device it."""
    asked = await read(request, AddVerifier)
    return reply(await readers.add_verifier(asked, by=_manager(request), state=request.state), status=201)


@access(Operator, Provider)
@describe(reply=VerifierPage, query=("cursor", "limit"), problems=(BadCursor,))
async def list_verifiers(request: AppRequest) -> Response:
    """The readers in service: all of them for an operator, their own for a provider."""
    return reply(await readers.verifiers_of(_manager(request), page_request(request), state=request.state))


@access(Operator, Provider)
@describe(status=204, problems=(NotFound,))
async def remove_verifier(request: AppRequest) -> Response:
    """Take a reader out of service."""
    await readers.remove_verifier(request.path_params["id"], by=_manager(request), state=request.state)
    return no_content()


@access(Operator, Provider)
@describe(reply=EnrolmentCode, status=201, problems=(NotFound,))
@idempotent()
async def renew_enrolment(request: AppRequest) -> Response:
    """A new one-time code for a reader; the one before ends."""
    code = await readers.renew_enrolment(request.path_params["id"], by=_manager(request), state=request.state)
    return reply(code, status=201)


@access(Anonymous)
@describe(body=EnrolVerifier, reply=EnrolledVerifier, status=201, problems=(EnrolmentRefused, TooManyRequests))
async def enrol(request: AppRequest) -> Response:
    """Make this device the reader that the one-time code is for."""
    asked = await read(request, EnrolVerifier)
    enrolled = await readers.enrol(asked.code, address=client_address(request), state=request.state)
    response = reply(enrolled, status=201)
    set_cookie(response, COOKIE, enrolled.token, YEAR, request.state["settings"])
    return response


@access(Verifier)
@describe(reply=VerifierView)
async def this_verifier(request: AppRequest) -> Response:
    """The reader that this device is."""
    reader = actor(request, Verifier)
    return reply(
        VerifierView(id=reader.id, name=reader.name, place=reader.place, app_id=reader.app_id, role=reader.role)
    )


@access(Verifier)
@describe(status=204)
async def forget_this_verifier(request: AppRequest) -> Response:
    """This device is a reader no more."""
    await readers.forget_device(actor(request, Verifier).id, state=request.state)
    response = no_content()
    clear_cookie(response, COOKIE, request.state["settings"])
    return response


routes: list[Route] = [
    get("/v1/cards", list_cards),
    post("/v1/cards", issue_card),
    get("/v1/cards/{id:uuid}", one_card),
    get("/v1/cards/{id:uuid}/code", show_card),
    get("/v1/cards/{id:uuid}/code.svg", show_card_as_picture),
    put("/v1/cards/{id:uuid}/status", set_card_status),
    post("/v1/verifications", verify_code),
    post("/v1/code-readings", read_picture),
    get("/v1/verifiers", list_verifiers),
    post("/v1/verifiers", add_verifier),
    post("/v1/verifiers/enrolments", enrol),
    get("/v1/verifiers/me", this_verifier),
    delete("/v1/verifiers/me", forget_this_verifier),
    delete("/v1/verifiers/{id:uuid}", remove_verifier),
    post("/v1/verifiers/{id:uuid}/enrolment-code", renew_enrolment),
]


def _manager(request: AppRequest) -> Manager:
    user = request.scope["user"]
    return user if isinstance(user, Operator) else actor(request, Provider)
