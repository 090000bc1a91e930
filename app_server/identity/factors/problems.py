"""What factors refuse."""

from app_server.kernel.problems import Problem


class PasswordNotValid(Problem):
    """A password has 8 to 128 characters. Any that can be typed will do; several words are easier to remember."""

    code = "password_not_valid"
    status = 400


class PasswordTooCommon(Problem):
    """Others would try this password first: it is often used, or was found in stolen lists. Choose another one."""

    code = "password_too_common"
    status = 400


class PasswordNotAccepted(Problem):
    """Number and password do not go together here. Check both, or sign in with a code to your phone.

    A number that nobody has, a resident without a password and a wrong password are all told the same.
    """

    code = "password_not_accepted"
    status = 400


class SecondStepRequired(Problem):
    """One step more: type the code of your authenticator app, or a recovery code.

    Send `step` from this answer with the code, within `expires_in` seconds, to `/v1/sign-in/second-steps`.
    """

    code = "second_step_required"
    status = 403


class SecondStepOver(Problem):
    """That took too long, or was tried too often. Start signing in again."""

    code = "second_step_over"
    status = 400


class SecondCodeNotAccepted(Problem):
    """That code was not accepted. Wait for the next one in your authenticator app, or take an unused recovery code."""

    code = "second_code_not_accepted"
    status = 400


class AuthenticatorAppAlreadyOn(Problem):
    """An authenticator app is set up already. Turn it off first, then set up the other one."""

    code = "authenticator_app_already_on"
    status = 409
