"""What mandates refuse."""

from app_server.kernel.problems import Problem


class InvitationNotGood(Problem):
    """No invitation can be accepted with this code. Look at it again, or ask for a new one."""

    code = "invitation_not_good"
    status = 404


class MandateOver(Problem):
    """This has ended, or its offer was not accepted in time. Ask for a new one."""

    code = "mandate_over"
    status = 409


class MandateWithOneself(Problem):
    """Nobody acts for themselves. Send this to the other person."""

    code = "mandate_with_oneself"
    status = 409


class SuccessorNeeded(Problem):
    """A company needs a legal representative. Let another one accept first, or ask a service counter to dissolve it."""

    code = "successor_needed"
    status = 409


class CompanyKnown(Problem):
    """This company has an account already. Give its legal representative a mandate instead."""

    code = "company_known"
    status = 409


class MandateNotInForce(Problem):
    """You cannot act under this mandate now. See from when and until when it is good, or ask for a new one."""

    code = "mandate_not_in_force"
    status = 409


class ActingOver(Problem):
    """You no longer act for another, so this was not done. From here on you are yourself again."""

    code = "acting_over"
    status = 403
