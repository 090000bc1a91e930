"""What an authenticator is asked and what of its answers is accepted (W3C Web Authentication, Level 3), pure.

The library checks signature, challenge, origin, relying party and flags. It takes an answer that was made in a frame of
another site, compares counters before it knows who signed, and fails over some malformed bytes in ways of its own; here
all of that is one refusal.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import webauthn
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

T = TypeVar("T")
Json = dict[str, Any]
TIME = timedelta(minutes=5)  # a challenge is good for so long; the browser gives up after it, too


class NotAccepted(Exception):
    """The answer proves nothing. The message is for the log and quotes nothing that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where answers have to be made: the origin exactly, and the host that passkeys are bound to."""

    origin: str
    host: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPasskey:
    """What is kept of a passkey."""

    credential_id: str
    public_key: bytes
    sign_count: int


def registration_options(
    site: Site, challenge: bytes, *, resident_id: UUID, called: str, existing: Sequence[str]
) -> Json:
    """What `navigator.credentials.create` gets: discoverable, with user verification, not where one exists already."""
    return options_to_json_dict(
        webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name=site.name,
            user_id=resident_id.bytes,
            user_name=called,
            challenge=challenge,
            timeout=_milliseconds(TIME),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(each)) for each in existing],
        )
    )


def sign_in_options(site: Site, challenge: bytes) -> Json:
    """What `navigator.credentials.get` gets: nobody is named, so any passkey of this site may answer."""
    return options_to_json_dict(
        webauthn.generate_authentication_options(
            rp_id=site.host,
            challenge=challenge,
            timeout=_milliseconds(TIME),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def registered(site: Site, challenge: bytes, credential: Mapping[str, Any]) -> NewPasskey:
    """The new passkey. Raises `NotAccepted`."""
    _require_own_page(credential)
    made = _checked(
        lambda: webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    )
    return NewPasskey(
        credential_id=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )


def signed(
    site: Site, challenge: bytes, credential: Mapping[str, Any], *, public_key: bytes | None, resident_id: UUID | None
) -> int:
    """The authenticator's counter, once its answer is proven to be this resident's. Raises `NotAccepted`.

    A key that nobody has (`None`) takes as long as a wrong signature.
    """
    _require_own_page(credential)
    answered = _checked(
        lambda: webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=public_key or _NOBODYS_KEY,
            credential_current_sign_count=0,  # compared by our own table, when the signature is known to be good
            require_user_verification=True,
        )
    )
    handle = credential["response"].get("userHandle")
    if resident_id is None or handle != bytes_to_base64url(resident_id.bytes):
        raise NotAccepted("not the passkey of this resident")
    return answered.new_sign_count


def _require_own_page(credential: Mapping[str, Any]) -> None:
    """Refuse an answer that was made inside a frame of another site (Web Authentication §5.8.1)."""
    said = _checked(lambda: json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"])))
    if not isinstance(said, dict) or said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise NotAccepted("made in a frame of another site")


def _checked(check: Callable[[], T]) -> T:
    """Whatever a parser of strangers' bytes raises: the answer is not accepted."""
    try:
        return check()
    except Exception as error:
        raise NotAccepted(type(error).__name__) from error


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _cose_key() -> bytes:
    point = generate_private_key(SECP256R1()).public_key().public_numbers()
    return encode_cbor({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")})


_NOBODYS_KEY = _cose_key()
