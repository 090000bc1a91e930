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


class AccountLocked(Problem):
    """This account is locked. Visit a service counter with your identity card to open it again."""

    code = "account_locked"
    status = 403


class SessionOver(Problem):
    """This sign-in has ended. Sign in again."""

    code = "session_over"
    status = 401


class DistrictUnknown(Problem):
    """There is no such district in this city. Choose one of the list."""

    code = "district_unknown"
    status = 400
