"""What changes of a number refuse."""

from app_server.kernel.problems import Problem


class NumberUnchanged(Problem):
    """That is the mobile number of your account already. Nothing has changed."""

    code = "number_unchanged"
    status = 409


class NumberChangedLately(Problem):
    """The number of this account was changed a short time ago. Undo that, or wait until it can no longer be undone.

    `again_at` says when it can be changed again.
    """

    code = "number_changed_lately"
    status = 409
