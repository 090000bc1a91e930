"""What each way of signing in is worth, pure: `acr` and `amr` in ID tokens, and the authenticator level behind them."""

from dataclasses import dataclass

from app_server.identity.models import SignInMethod

PHONE = "urn:banyan:acr:phone"
TWO_STEPS = "urn:banyan:acr:two-steps"
PASSKEY = "urn:banyan:acr:passkey"
LEVELS = {PHONE: 1, TWO_STEPS: 2, PASSKEY: 3}  # authenticator levels by `acr`; a higher one is as good as a lower


@dataclass(frozen=True, slots=True, kw_only=True)
class Assurance:
    """`acr` (OpenID Connect Core §2) and `amr` (RFC 8176) of a sign-in."""

    acr: str
    amr: tuple[str, ...]

    @property
    def level(self) -> int:
        """The authenticator level, 1 to 3."""
        return LEVELS[self.acr]


# A recovery code stands in for the app and has no name in RFC 8176; of a passkey we do not know where its key lives.
OF = {
    SignInMethod.OTP: Assurance(acr=PHONE, amr=("sms",)),
    SignInMethod.OTP_TOTP: Assurance(acr=TWO_STEPS, amr=("sms", "otp")),
    SignInMethod.OTP_RC: Assurance(acr=TWO_STEPS, amr=("sms",)),
    SignInMethod.PWD_OTP: Assurance(acr=TWO_STEPS, amr=("pwd", "sms", "mfa")),
    SignInMethod.PWD_TOTP: Assurance(acr=TWO_STEPS, amr=("pwd", "otp", "mfa")),
    SignInMethod.PWD_RC: Assurance(acr=TWO_STEPS, amr=("pwd", "mfa")),
    SignInMethod.PASSKEY: Assurance(acr=PASSKEY, amr=("swk", "user", "mfa")),
}
