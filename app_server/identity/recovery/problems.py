"""What recoveries refuse."""

from app_server.kernel.problems import Problem


class RecoveryNeedsAnother(Problem):
    """Another officer has to do this: nobody approves what they opened, or recovers an account of their own."""

    code = "recovery_needs_another"
    status = 403


class RecoveryNotGood(Problem):
    """This code opens nothing: it was used or cancelled, has another form, or is not approved. Ask at the counter."""

    code = "recovery_not_good"
    status = 400


class RecoveryNotReady(Problem):
    """It is too early: the owner of the account can still say no. Come back at the time named."""

    code = "recovery_not_ready"
    status = 409
