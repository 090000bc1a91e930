"""What consent and the token endpoint refuse."""

from collections.abc import Mapping

from app_server.kernel.problems import Problem


class ConsentRequired(Problem):
    """This service asks for your consent first."""

    code = "consent_required"
    status = 403


class ScopeUnknown(Problem):
    """The service does not ask for that. Choose among the scopes that it names."""

    code = "scope_unknown"
    status = 400


class ConsentWithdrawn(Problem):
    """The resident does not allow this, or no longer does. Ask them in the app."""

    code = "consent_withdrawn"
    status = 403


class AuthorizationNotAsked(Problem):
    """The service that sent you here did not say properly who it is. Go back to it, and tell it what stands here."""

    code = "authorization_not_asked"
    status = 400


class AuthorizationOver(Problem):
    """This request was answered already, or has waited for too long. Go back to the service and begin again."""

    code = "authorization_over"
    status = 410


class LogoutNotAsked(Problem):
    """The service that sent you here did not say properly who it is. You can still sign out here yourself."""

    code = "logout_not_asked"
    status = 400


class LogoutOver(Problem):
    """This request to sign out has waited for too long. You can still sign out here yourself."""

    code = "logout_over"
    status = 410


class UserCodeUnknown(Problem):
    """No screen shows this code now. Compare the letters; if the screen shows others by now, enter those."""

    code = "user_code_unknown"
    status = 400


class DeviceNumberNotRead(Problem):
    """The number has two digits. It stands on the screen beside the picture that you scanned."""

    code = "device_number_not_read"
    status = 400


class DeviceNumberWrong(Problem):
    """The screen shows another number, so nobody was signed in. Begin again at the screen in front of you."""

    code = "device_number_wrong"
    status = 403


class DeviceCodeOver(Problem):
    """This code was used already, or has waited for too long. Begin again at the screen."""

    code = "device_code_over"
    status = 410


class DeviceCodeTaken(Problem):
    """Somebody else has opened this code with another phone. Begin again at the screen."""

    code = "device_code_taken"
    status = 409


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749 §5.2): its code, and a sentence for the client's developer."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def required(form: Mapping[str, str], name: str) -> str:
    """A field that the form must have. Raises `OAuthError`."""
    value = form.get(name)
    if not value:
        raise OAuthError("invalid_request", f"{name} is missing")
    return value
