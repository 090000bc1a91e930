"""What sign-in and the profile refuse."""

from app_server.kernel.problems import Problem


class PhoneNotValid(Problem):
    """That is not a mobile number that can receive a code. Check the digits."""

    code = "phone_not_valid"
    status = 400


class CodeNotAccepted(Problem):
    """That is not the code we sent. Look at the message again and type its six digits."""

    code = "code_not_accepted"
    status = 400


class ChallengeOver(Problem):
    """This code can no longer be used. Ask for a new one."""

    code = "challenge_over"
    status = 400


class PasskeyNotAccepted(Problem):
    """That passkey was not accepted. Try again, or use your mobile number and a code.

    A passkey that is unknown or was removed, a signature that is not good, an answer made on another site or without
    the device checking that it is you: all are told the same.
    """

    code = "passkey_not_accepted"
    status = 400


class PasskeyChallengeOver(Problem):
    """That took too long, or was already used. Start again."""

    code = "passkey_challenge_over"
    status = 400


class TooManyPasskeys(Problem):
    """There is no room for another passkey. Remove one that you no longer use."""

    code = "too_many_passkeys"
    status = 409


class AccountLocked(Problem):
    """This account is locked. Visit a service counter with your identity card to open it again."""

    code = "account_locked"
    status = 403


class AccountSuspended(AccountLocked):
    """The city has suspended this account. A service counter tells you why, and how to object."""

    code = "account_suspended"


class AccountOfDeceased(AccountLocked):
    """This account is closed: its owner is recorded as deceased. If that is wrong, visit a service counter.

    Whoever settles their affairs is helped there, too.
    """

    code = "account_of_deceased"


CLOSED = (AccountLocked, AccountSuspended, AccountOfDeceased)


class InsufficientUserAuthentication(Problem):
    """Show first that it is you: with your passkey, your authenticator app or a code to your phone.

    `acr_values` and `max_age` say what sign-in would do (RFC 9470); a proof for this `purpose` alone is taken at
    `/v1/me/presence`.
    """

    code = "insufficient_user_authentication"
    status = 401


class NumberTaken(Problem):
    """That mobile number belongs to another account. Use another number, or sign in with this one."""

    code = "number_taken"
    status = 409


class NumberOnHold(Problem):
    """An account gave this number up a short time ago, so for a while it opens no other. Our text message undoes it.

    `free_at` says when it is free.
    """

    code = "number_on_hold"
    status = 409


class SessionOver(Problem):
    """This sign-in has ended. Sign in again."""

    code = "session_over"
    status = 401


class DistrictUnknown(Problem):
    """There is no such district in this city. Choose one of the list."""

    code = "district_unknown"
    status = 400
