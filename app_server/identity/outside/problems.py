"""What verifying by an outside provider refuses."""

from app_server.kernel.problems import Problem


class OutsideUnavailable(Problem):
    """The other provider does not answer at the moment. Nothing has changed; try again later, or verify another way."""

    code = "outside_unavailable"
    status = 503


class OutsideNotTrusted(Problem):
    """The other provider's answer was not sound, so it was not used. Nothing has changed.

    Begin again; if it stays so, tell us the reference number, or visit a service counter.
    """

    code = "outside_not_trusted"
    status = 409


class OutsideCheckOver(Problem):
    """This verification is over, or was begun elsewhere. Nothing has changed; begin again on this page."""

    code = "outside_check_over"
    status = 409


class OutsideDeclined(Problem):
    """The other provider did not confirm you, or you stopped there. Nothing has changed; begin again when you like."""

    code = "outside_declined"
    status = 409
