"""The manifest of a mini-app, `miniapp.json`: the W3C MiniApp Manifest plus one `banyan` object, and its checker."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError

from banyan_sdk.findings import Finding as Finding
from banyan_sdk.findings import Severity as Severity
from banyan_sdk.findings import error, warning
from banyan_sdk.manifest_rules import RULES, escape
from banyan_sdk.protocol import LANGUAGES as LANGUAGES
from banyan_sdk.protocol import PLACEHOLDER as PLACEHOLDER
from banyan_sdk.protocol import EventType, NoticeValue, Scope


def _in_every_language(value: object) -> object:
    return dict.fromkeys(LANGUAGES, value) if isinstance(value, str) else value


# A text per language. A plain string is the same in every language (a name, a number).
Texts = Annotated[
    dict[str, Annotated[str, Field(min_length=1, max_length=500)]],
    Field(min_length=1, max_length=16),
    BeforeValidator(_in_every_language),
]
AppId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,28}[a-z0-9]$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Path = Annotated[str, Field(pattern=r"^/[A-Za-z0-9/._~-]*$", max_length=200)]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Origin = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:\d{1,5})?$", max_length=255)]


def in_language(texts: Mapping[str, str], locale: str) -> str:
    """The text for a locale: the exact one, else the same language, else English, else the first there is."""
    if locale in texts:
        return texts[locale]
    language = locale.partition("-")[0]
    for key, text in texts.items():
        if key.partition("-")[0] == language:
            return text
    return texts.get("en") or next(iter(texts.values()))


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _W3CPart(BaseModel):
    """Members the W3C added or will add are kept out of our way, not refused."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Sector(StrEnum):
    GOVERNMENT = "government"
    PUBLIC = "public"
    COMMERCIAL = "commercial"


class Kind(StrEnum):
    REMOTE = "remote"
    HOSTED = "hosted"
    HEADLESS = "headless"


class Icon(_W3CPart):
    src: Annotated[str, Field(min_length=1, max_length=200)]
    label: str | None = None
    sizes: str | None = None
    type: str | None = None


class Version(_W3CPart):
    code: Annotated[int, Field(ge=1, strict=True)]
    name: Annotated[str, Field(min_length=1, max_length=40)]


class PlatformVersion(_W3CPart):
    min_code: Annotated[int, Field(ge=1, strict=True)]


class RequestedPermission(_W3CPart):
    name: str
    reason: str | None = None


class RequestedScope(_Part):
    """A scope the mini-app asks a resident for, in words that the consent page shows as they are."""

    scope: Scope
    purpose: Texts
    legal_basis: Texts
    retention: Texts
    required: bool = True


class Network(_Part):
    """Origins beyond its own that the pages may reach; the Content-Security-Policy is made from this."""

    connect: list[Origin] = []
    frame: list[Origin] = []


class Contact(_Part):
    phone: str | None = None
    email: str | None = None
    url: str | None = None


class CardField(_Part):
    name: FieldName
    label: Texts


class CardType(_Part):
    """A kind of card the mini-app issues; `disclose` names the fields a verifier of each role may see."""

    type: Slug
    title: Texts
    colour: Colour = "#1F6B4A"
    offline: bool = False
    fields: Annotated[list[CardField], Field(max_length=24)] = []
    disclose: dict[Slug, list[FieldName]] = {}


class NoticeTemplate(_Part):
    """A notice with `{placeholders}`, the same ones in every language."""

    id: Slug
    title: Texts
    body: Texts

    def filled(self, data: Mapping[str, NoticeValue], locale: str) -> tuple[str, str]:
        """Title and body for a locale. A placeholder without a value stays as it is written."""
        values = {key: value if isinstance(value, str) else in_language(value, locale) for key, value in data.items()}

        def fill(texts: Mapping[str, str]) -> str:
            return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), in_language(texts, locale))

        return fill(self.title), fill(self.body)


class PublicJwk(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")
    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: str
    y: str | None = None
    kid: Annotated[str, Field(min_length=1, max_length=128)]


class JwkSet(_W3CPart):
    keys: Annotated[list[PublicJwk], Field(min_length=1, max_length=10)]


def _set_or_url(value: object) -> str:
    return "url" if isinstance(value, str) else "set"


PublishedKeys = Annotated[
    Annotated[JwkSet, Tag("set")] | Annotated[str, Field(pattern=r"^https://\S+$", max_length=500), Tag("url")],
    Discriminator(_set_or_url),
]


class Banyan(_Part):
    kind: Kind = Kind.REMOTE
    name: Texts | None = None
    description: Texts | None = None
    sector: Sector
    sponsor: Texts
    operator: Texts
    filing_number: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    complaints: Contact
    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#]+$", max_length=255)] | None = None
    keys: PublishedKeys | None = None
    scopes: Annotated[list[RequestedScope], Field(max_length=32)] = []
    network: Network = Network()
    events: list[EventType] = []
    cards: Annotated[list[CardType], Field(max_length=16)] = []
    notices: Annotated[list[NoticeTemplate], Field(max_length=64)] = []


class Manifest(_W3CPart):
    """A manifest whose shape is right. `check` also tells what is unwise in it."""

    app_id: AppId
    name: Annotated[str, Field(min_length=1, max_length=40)]
    short_name: Annotated[str, Field(max_length=20)] | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    lang: str = "zh-CN"
    dir: Literal["auto", "ltr", "rtl"] = "auto"
    color_scheme: Literal["auto", "light", "dark"] = "auto"
    device_type: list[str] = []
    icons: Annotated[list[Icon], Field(min_length=1)]
    pages: Annotated[list[Path], Field(max_length=200)] = []
    version: Version
    platform_version: PlatformVersion
    req_permissions: list[RequestedPermission] = []
    window: dict[str, Any] = {}
    banyan: Banyan

    def title(self, locale: str) -> str:
        """The mini-app's name as a resident of that locale reads it."""
        return in_language(self.banyan.name, locale) if self.banyan.name else self.name

    def about(self, locale: str) -> str:
        return in_language(self.banyan.description, locale) if self.banyan.description else self.description or ""

    def scope(self, scope: str) -> RequestedScope | None:
        return next((asked for asked in self.banyan.scopes if asked.scope == scope), None)

    def card(self, card_type: str) -> CardType | None:
        return next((card for card in self.banyan.cards if card.type == card_type), None)

    def notice(self, template: str) -> NoticeTemplate | None:
        return next((notice for notice in self.banyan.notices if notice.id == template), None)


class ManifestRefused(Exception):
    """The manifest has errors. `findings` has them all, warnings too."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("\n" + "\n".join(f"{f.severity} {f.pointer or '/'}: {f.message} {f.mend}" for f in findings))


def check(manifest: object) -> list[Finding]:
    """Everything that is wrong or unwise, at once, in the order of the document's pointers; [] is a clean bill.

    Never raises, whatever `manifest` is: reviewers and providers run it on what strangers send.
    """
    if not isinstance(manifest, dict):
        return [error("object", "", "A manifest is a JSON object.", "Start from `banyan-app new`.")]
    document = cast(dict[str, Any], manifest)
    findings = [*_shape(document), *_misspelt(document), *(finding for rule in RULES for finding in rule(document))]
    return sorted(findings, key=lambda finding: (finding.pointer, finding.rule))


def parse(manifest: object) -> Manifest:
    """The typed manifest, or ManifestRefused with every finding if one of them is an error."""
    findings = check(manifest)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise ManifestRefused(findings)
    return Manifest.model_validate(manifest)


# --- shape ---------------------------------------------------------------------------------------------------------


def _shape(document: dict[str, Any]) -> Iterator[Finding]:
    try:
        Manifest.model_validate(document)
    except ValidationError as refused:
        seen: set[tuple[str, str]] = set()
        for mistake in refused.errors(include_url=False, include_context=False, include_input=False):
            absent = mistake["type"] in {"missing", "extra_forbidden"}
            location = _as_in_document(mistake["loc"], document, absent=absent)
            pointer = "".join(f"/{escape(part)}" for part in location)
            rule, mend = _mending(mistake["type"], location)
            if (rule, pointer) not in seen:
                seen.add((rule, pointer))
                yield error(rule, pointer, f"{mistake['msg'].rstrip('.')}.", mend)


def _as_in_document(location: tuple[int | str, ...], document: object, *, absent: bool) -> list[int | str]:
    """pydantic names the branch of a union inside its location; the pointer only has what the document has."""
    path: list[int | str] = []
    here = document
    for index, part in enumerate(location):
        if isinstance(here, dict) and (part in here or (absent and index == len(location) - 1)):
            here = here.get(part)
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
        else:
            continue
        path.append(part)
    return path


def _mending(kind: str, location: list[int | str]) -> tuple[str, str]:
    name = str(location[-1]) if location else ""
    if kind == "missing":
        return "missing-member", f"Add `{name}`."
    if kind == "extra_forbidden":
        close = get_close_matches(name, _BANYAN_MEMBERS, n=1)
        return "unknown-member", f"Did you mean `{close[0]}`?" if close else f"Remove `{name}`."
    if kind == "string_pattern_mismatch" and name == "app_id":
        return "app-id", "Use 2 to 30 lower-case letters, digits and hyphens, a letter first: it becomes a host name."
    if kind == "string_pattern_mismatch":
        return "pattern", "Write it in the form that the message names."
    if kind in {"enum", "literal_error"}:
        return "unknown-value", "Choose one of the values that the message names."
    if kind.startswith(("too_", "string_too_", "greater_", "less_")):
        return "length", "Bring it within the limit."
    return "type", "Give it the type that the message names."


_BANYAN_PARTS = (Banyan, RequestedScope, Network, Contact, CardType, CardField, NoticeTemplate)
_BANYAN_MEMBERS = sorted({name for part in _BANYAN_PARTS for name in part.model_fields})
_W3C_MEMBERS = sorted({*Manifest.model_fields, "widgets", "$schema", "theme_color", "i18n"})


def _misspelt(document: dict[str, Any]) -> Iterator[Finding]:
    for name in document:
        if name not in _W3C_MEMBERS:
            close = get_close_matches(str(name), _W3C_MEMBERS, n=1)
            mend = f"Did you mean `{close[0]}`?" if close else "Remove it, or keep it if another platform reads it."
            yield warning("unknown-member", f"/{escape(name)}", f"No one here reads `{name}`.", mend)
