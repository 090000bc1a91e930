"""What the wallet refuses. A refusal at a reader also carries the number of its check, the same in every reader."""

from collections.abc import Mapping
from typing import ClassVar

from app_server.kernel.problems import Problem


class Refusal(Problem):
    """The reader says no. The member `refusal` is the number of the check that failed."""

    number: ClassVar[int]

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, refusal=self.number)


class CardCodeUnreadable(Refusal):
    """There is no code to read here. Hold the phone steady in front of the reader, or type the 12 digits."""

    code = "card_code_unreadable"
    status = 422
    number = 10


class CardCodeNotOurs(Refusal):
    """This is not a card code of this city. Ask for the card in the city's app."""

    code = "card_code_not_ours"
    status = 422
    number = 11


class CardCodeBadBase45(Refusal):
    """The code is damaged. Ask for the next one; it changes every 15 seconds."""

    code = "card_code_bad_base45"
    status = 422
    number = 12


class CardCodeBadCbor(Refusal):
    """The code does not hold what a card code holds. Ask for the next one; if that fails too, call your supervisor."""

    code = "card_code_bad_cbor"
    status = 422
    number = 13


class CardExpired(Refusal):
    """This card has expired. The holder can renew it with the office that issued it."""

    code = "card_expired"
    status = 409
    number = 23


class CardCodeStale(Refusal):
    """This code has run out, or it is a screenshot. Ask for the code that is on the phone now."""

    code = "card_code_stale"
    status = 409
    number = 30


class CardCodeAlreadyUsed(Refusal):
    """This code has already been shown here. Ask for the next one; it changes every 15 seconds."""

    code = "card_code_already_used"
    status = 409
    number = 32


class CardCodeUsedElsewhere(Refusal):
    """This code has already been shown at another reader. Ask for the next one; it changes every 15 seconds."""

    code = "card_code_used_elsewhere"
    status = 409
    number = 33


class CardRevoked(Refusal):
    """This card is no longer valid. The holder can ask the office that issued it."""

    code = "card_revoked"
    status = 409
    number = 40


class CardSuspended(Refusal):
    """This card is suspended for now. The holder can ask the office that issued it."""

    code = "card_suspended"
    status = 409
    number = 41


class CardNotAcceptedHere(Refusal):
    """This card is not accepted here. Ask for the card that belongs to this place."""

    code = "card_not_accepted_here"
    status = 409
    number = 42


class CardCodeProfileNotSupported(Refusal):
    """This code was made without a network, and this reader takes only codes made with one. Ask to go online."""

    code = "card_code_profile_not_supported"
    status = 422
    number = 43


REFUSALS: Mapping[int, type[Refusal]] = {kind.number: kind for kind in Refusal.__subclasses__()}


class CardsOffline(Problem):
    """Card codes cannot be made or checked for a moment. The cards are safe; try again shortly."""

    code = "cards_offline"
    status = 503

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "2"})


class CardCannotBeShown(Problem):
    """This card cannot be shown now. Its status says why."""

    code = "card_cannot_be_shown"
    status = 409


class CardTypeNotDeclared(Problem):
    """The mini-app's manifest does not declare such a card, or such a field of it."""

    code = "card_type_not_declared"
    status = 422


class CardStatusFinal(Problem):
    """This card is revoked, and that is final. Issue the card again instead."""

    code = "card_status_final"
    status = 409


class PictureNotRead(Problem):
    """This file is not a picture that can be read. Send a PNG, JPEG or WebP of at most 4 MB and 24 megapixels."""

    code = "picture_not_read"
    status = 422


class EnrolmentRefused(Problem):
    """This enrolment code is not valid. It works once, for a day and five tries; ask for a new one."""

    code = "enrolment_refused"
    status = 422
