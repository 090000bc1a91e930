"""Outside OpenID Providers that may say who a resident is, as the operator's file names them.

The file is a JSON array, one object for each provider; keys and secrets stand in files of their own beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app_server.kernel.addresses import EndpointRefused, endpoint
from app_server.kernel.tokens import PrivateKey, is_private_key

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Names(_Strict):
    """What residents read on the button."""

    en: str = Field(min_length=1, max_length=40)
    zh_cn: str = Field(alias="zh-CN", min_length=1, max_length=40)


class ClaimNames(_Strict):
    """Under which names the provider tells who somebody is; None: it does not tell that."""

    name: Text = "name"
    birthdate: Text | None = "birthdate"
    id_number: Text | None = None


class Described(_Strict):
    """One provider as it stands in the file. `id` is part of our address there, and stays."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,16}$")
    issuer: Text
    client_id: Text
    key_file: Path | None = None
    key_id: Text | None = None
    secret_file: Path | None = None
    name: Names
    scope: Text = "openid profile"
    claims: ClaimNames = ClaimNames()
    evidence: Text = "digital_identity"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideProvider:
    """A provider, and by what we prove ourselves to it: a key, or a secret."""

    said: Described
    key: PrivateKey | None
    secret: str | None

    def name(self, locale: str) -> str:
        """Its name in that language."""
        return self.said.name.zh_cn if locale.startswith("zh") else self.said.name.en


def read_providers(path: Path, *, allow_loopback: bool) -> Mapping[str, OutsideProvider]:
    """The providers by id, in the file's order. Raises `ValueError` with a sentence for the operator."""
    try:
        entries = json.loads(path.read_text())
    except OSError:
        raise ValueError("there is no such file, or it cannot be read") from None
    except ValueError:
        raise ValueError("the file is not JSON") from None
    if not isinstance(entries, list):
        raise ValueError("the file must hold an array of providers")
    found: dict[str, OutsideProvider] = {}
    for place, entry in enumerate(entries, start=1):
        provider = _provider(entry, f"provider {place}", path.parent, allow_loopback)
        if provider.said.id in found:
            raise ValueError(f"provider {place}: an id stands twice")
        found[provider.said.id] = provider
    return found


def _provider(entry: Any, place: str, beside: Path, allow_loopback: bool) -> OutsideProvider:
    try:
        said = Described.model_validate(entry)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"{place}: {faults}") from None
    if (said.key_file is None) == (said.secret_file is None):
        raise ValueError(f"{place}: give key_file (for private_key_jwt) or secret_file, and not both")
    try:
        web_address(said.issuer, allow_loopback=allow_loopback)
    except EndpointRefused as reason:
        raise ValueError(f"{place}: issuer: {reason}") from None
    if "openid" not in said.scope.split(" "):
        raise ValueError(f"{place}: scope must have openid")
    try:
        key = load_pem_private_key((beside / said.key_file).read_bytes(), None) if said.key_file else None
        secret = (beside / said.secret_file).read_text().strip() if said.secret_file else None
    except (OSError, ValueError, TypeError):
        raise ValueError(f"{place}: its key or secret file cannot be read") from None
    if key is not None and not is_private_key(key):
        raise ValueError(f"{place}: the key must be of P-256 or Ed25519")
    if secret == "":
        raise ValueError(f"{place}: the secret file is empty")
    return OutsideProvider(said=said, key=key if is_private_key(key) else None, secret=secret)


def web_address(url: str, *, allow_loopback: bool) -> str:
    """The address itself, if it may be called. Raises `EndpointRefused`."""
    if not url.isascii() or not url.isprintable() or " " in url or "#" in url or "\\" in url:
        raise EndpointRefused("the address has a character that an address does not have")
    parts = urlsplit(url)
    endpoint(f"{parts.scheme}://{parts.netloc}", allow_loopback=allow_loopback)
    return url
