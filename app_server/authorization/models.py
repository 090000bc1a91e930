"""What residents allowed, the clients that providers registered, what they and their screens ask, one-time codes, used
assertions.
"""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from app_server.kernel.ids import uuid7


class Consent(Model):
    """A resident lets a mini-app have one scope. `sub` is how that app knows the resident."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    resident_id = fields.UUIDField()
    app_id = fields.CharField(max_length=64)
    sub = fields.CharField(max_length=64)
    scope = fields.CharField(max_length=64)
    granted_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_consent"
        indexes = [("resident_id", "app_id"), ("app_id", "sub", "scope")]


class LaunchCode(Model):
    """A one-time code that opens a mini-app, bound to the app, its origin, its PKCE challenge and the launch.

    `dpop_jkt` is the thumbprint of a key that it is bound to (RFC 9449 §10), from the beginning or its redemption on.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    code_hash = fields.CharField(max_length=64, unique=True)
    app_id = fields.CharField(max_length=64)
    resident_id = fields.UUIDField()
    session_id = fields.UUIDField()
    launch_id = fields.UUIDField()
    redirect_uri = fields.CharField(max_length=255)
    code_challenge = fields.CharField(max_length=43)
    nonce = fields.CharField(max_length=512, null=True)
    scope = fields.TextField(null=True)
    dpop_jkt = fields.CharField(max_length=43, null=True)
    id_token_claims = fields.TextField(null=True)
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_launch_code"


class RegisteredClient(Model):
    """A program of a provider's that signs residents in with the city's login (OpenID Connect), no mini-app.

    `scopes` is as a manifest has it: scope, purpose, legal basis, retention, required. `version` counts its changes,
    for processes to notice them and for If-Match. `secret_hashes` are those of `client_secret_basic`, the newest first.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    client_id = fields.CharField(max_length=64, unique=True)
    organisation_id = fields.UUIDField(db_index=True)
    name: dict[str, str] = fields.JSONField()
    redirect_uris: list[str] = fields.JSONField()
    post_logout_redirect_uris: list[str] | None = fields.JSONField(null=True)
    backchannel_logout_uri = fields.CharField(max_length=255, null=True)
    backchannel_logout_session_required = fields.BooleanField(default=False, db_default=False)
    proof = fields.CharField(max_length=20)
    public_keys: list[dict[str, Any]] = fields.JSONField()
    dpop_bound = fields.BooleanField(db_default=False)
    secret_hashes: list[str] | None = fields.JSONField(null=True)
    scopes: list[dict[str, Any]] = fields.JSONField()
    device_flow = fields.BooleanField(db_default=False)
    version = fields.IntField(default=1)
    created_at = fields.DatetimeField(auto_now_add=True)
    removed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_registered_client"


class ClientError(Model):
    """What was wrong in a request that a registered client sent, or somebody in its name; never what was sent."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    client_id = fields.CharField(max_length=64)
    endpoint = fields.CharField(max_length=40)
    error = fields.CharField(max_length=40)
    description = fields.CharField(max_length=300)
    at = fields.DatetimeField()

    class Meta:
        table = "core_client_error"
        indexes = [("client_id", "id")]


class AuthorizationRequest(Model):
    """What a client asked at the authorization endpoint, while the resident signs in and decides.

    Found by the hash of a random name that only this resident's browser has. `asked` is what `asking.read` gave.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    token_hash = fields.CharField(max_length=64, unique=True)
    client_id = fields.CharField(max_length=64)
    asked: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_authorization_request"


class DeviceRequest(Model):
    """What a screen asks until a resident has decided on it with her phone (RFC 8628).

    Its three names are the device's own, the one that people type, and the one in its QR code; they and the number that
    the screen shows are kept as hashes. `session_id` is who opened it; nobody else decides. `allowed` is None until
    then.
    """

    id = fields.UUIDField(primary_key=True, default=uuid7)
    device_code_hash = fields.CharField(max_length=64, unique=True)
    user_code_index = fields.CharField(max_length=64, unique=True)
    name_hash = fields.CharField(max_length=64, unique=True)
    number_index = fields.CharField(max_length=64)
    client_id = fields.CharField(max_length=64)
    scope = fields.TextField()
    code_challenge = fields.CharField(max_length=43, null=True)
    network_sealed = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    polled_at = fields.DatetimeField(null=True)
    interval_seconds = fields.IntField()
    session_id = fields.UUIDField(null=True)
    allowed = fields.BooleanField(null=True)

    class Meta:
        table = "core_device_request"


class UsedAssertion(Model):
    """A client assertion's `jti`, remembered for as long as the assertion could be accepted (RFC 7523 §3)."""

    id = fields.UUIDField(primary_key=True, default=uuid7)
    app_id = fields.CharField(max_length=64)
    jti = fields.CharField(max_length=128)
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_used_assertion"
        unique_together = (("app_id", "jti"),)
