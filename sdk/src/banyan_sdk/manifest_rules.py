"""What is wrong or unwise in a manifest beyond its shape. Each rule is tolerant of whatever the others found."""

from collections.abc import Iterator
from typing import Any

from banyan_sdk.findings import Finding, error, warning
from banyan_sdk.protocol import LANGUAGES, PLACEHOLDER, PLATFORM_VERSION, EventType, Scope


def escape(part: object) -> str:
    """A member's name as a JSON pointer writes it (RFC 6901)."""
    return str(part).replace("~", "~0").replace("/", "~1")


def _at(document: object, *path: str) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _entries(document: object, *path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    listed = _at(document, *path)
    for index, entry in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(entry, dict):
            yield "".join(f"/{part}" for part in path) + f"/{index}", entry


def _pages(document: dict[str, Any]) -> Iterator[Finding]:
    kind, pages = _at(document, "banyan", "kind") or "remote", document.get("pages")
    if kind != "headless" and not pages:
        yield error("pages", "/pages", "A mini-app that people open has a page.", 'Add `"pages": ["/"]`.')
    if kind == "headless" and pages:
        yield error("pages", "/pages", "A headless mini-app has no pages.", "Remove `pages`, or choose `remote`.")
    if isinstance(pages, list):
        for index, page in enumerate(pages):
            if isinstance(page, str) and (page in pages[:index]):
                yield error("twice", f"/pages/{index}", f"The page {page} is listed twice.", "Remove one.")
            if isinstance(page, str) and (page.startswith("/.banyan") or "/../" in f"{page}/" or "//" in page):
                yield error("pages", f"/pages/{index}", "This path is not a page's.", "Use a plain path of your own.")


def _platform(document: dict[str, Any]) -> Iterator[Finding]:
    code = _at(document, "platform_version", "min_code")
    if isinstance(code, int) and code > PLATFORM_VERSION:
        yield error(
            "platform-version",
            "/platform_version/min_code",
            f"This platform is version {PLATFORM_VERSION}.",
            f"Ask for {PLATFORM_VERSION} or less.",
        )


def _private_keys(document: dict[str, Any]) -> Iterator[Finding]:
    for pointer, key in _entries(document, "banyan", "keys", "keys"):
        for member in {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key):
            yield error(
                "private-key",
                f"{pointer}/{member}",
                "A private key stands in the manifest: everyone who reads it can act as this mini-app.",
                "Make a new key now, and publish only its public half.",
            )


def _accountable(document: dict[str, Any]) -> Iterator[Finding]:
    banyan = _at(document, "banyan")
    if not isinstance(banyan, dict):
        return
    complaints = banyan.get("complaints")
    if isinstance(complaints, dict) and not any(complaints.get(way) for way in ("phone", "email", "url")):
        yield error("complaints", "/banyan/complaints", "Residents cannot complain to nobody.", "Add a phone number.")
    if banyan.get("sector") in ("government", "public") and not banyan.get("filing_number"):
        yield warning(
            "filing-number",
            "/banyan/filing_number",
            "Government and public mini-apps are filed before they open.",
            "Add the number of the filing.",
        )
    for pointer in ("name", "description"):
        if not banyan.get(pointer):
            yield warning(
                "two-languages", f"/banyan/{pointer}", f"The {pointer} is in one language only.", "Add en and zh-CN."
            )


def _texts(document: dict[str, Any]) -> Iterator[Finding]:
    for pointer, scope in _entries(document, "banyan", "scopes"):
        yield from _languages(pointer, scope, "purpose", "legal_basis", "retention")
    for pointer, card in _entries(document, "banyan", "cards"):
        yield from _languages(pointer, card, "title")
        for inner, field in _entries(card, "fields"):
            yield from _languages(pointer + inner, field, "label")
    for pointer, notice in _entries(document, "banyan", "notices"):
        yield from _languages(pointer, notice, "title", "body")


def _languages(pointer: str, part: dict[str, Any], *names: str) -> Iterator[Finding]:
    for name in names:
        texts = part.get(name)
        if isinstance(texts, str):
            mend = 'Write {"en": …, "zh-CN": …}.'
            yield warning("two-languages", f"{pointer}/{name}", "Every resident reads this in one language.", mend)
        elif isinstance(texts, dict) and (missing := [language for language in LANGUAGES if not texts.get(language)]):
            message = f"Residents who read {' and '.join(missing)} find no text here."
            yield error("two-languages", f"{pointer}/{name}", message, f"Add {', '.join(missing)}.")


def _scopes(document: dict[str, Any]) -> Iterator[Finding]:
    asked = {entry.get("scope") for _, entry in _entries(document, "banyan", "scopes") if _is_text(entry, "scope")}
    yield from _no_twins(document, "scopes", "scope")
    for member, scope in (("cards", Scope.CARDS_ISSUE), ("notices", Scope.NOTICES_SEND)):
        if _at(document, "banyan", member) and scope not in asked:
            message = f"`{member}` are offered, but {scope} is not asked for."
            yield error("scope-for-offer", f"/banyan/{member}", message, f"Add {scope} to /banyan/scopes.")
        if scope in asked and not _at(document, "banyan", member):
            message = f"{scope} is asked for, but no `{member}` are offered."
            yield warning("scope-for-offer", "/banyan/scopes", message, "Ask for no more than you use.")
    events = _at(document, "banyan", "events")
    if asked and not (isinstance(events, list) and EventType.GRANT_WITHDRAWN in events):
        yield warning(
            "withdrawal",
            "/banyan/events",
            "Residents can withdraw what they granted, and this mini-app would not hear of it.",
            f"Subscribe to {EventType.GRANT_WITHDRAWN}.",
        )


def _cards(document: dict[str, Any]) -> Iterator[Finding]:
    yield from _no_twins(document, "cards", "type")
    for pointer, card in _entries(document, "banyan", "cards"):
        names = [entry["name"] for _, entry in _entries(card, "fields") if _is_text(entry, "name")]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield error("twice", f"{pointer}/fields", f"The field {name} is there twice.", "Rename one.")
        disclose = card.get("disclose")
        for role, shown in disclose.items() if isinstance(disclose, dict) else ():
            for index, name in enumerate(shown if isinstance(shown, list) else []):
                if name not in names:
                    where = f"{pointer}/disclose/{escape(role)}/{index}"
                    yield error("disclose", where, f"The card has no field {name}.", "Name one of its fields.")


def _notices(document: dict[str, Any]) -> Iterator[Finding]:
    yield from _no_twins(document, "notices", "id")
    for pointer, notice in _entries(document, "banyan", "notices"):
        for member in ("title", "body"):
            texts = notice.get(member)
            if not isinstance(texts, dict):
                continue
            asked = {key: set(PLACEHOLDER.findall(text)) for key, text in texts.items() if isinstance(text, str)}
            if len({frozenset(names) for names in asked.values()}) > 1:
                message = "The languages do not have the same placeholders."
                yield error("placeholders", f"{pointer}/{member}", message, "Use the same {names} in every language.")


def _is_text(entry: dict[str, Any], name: str) -> bool:
    return isinstance(entry.get(name), str)


def _no_twins(document: dict[str, Any], member: str, name: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for pointer, entry in _entries(document, "banyan", member):
        if _is_text(entry, name):
            if entry[name] in seen:
                yield error("twice", f"{pointer}/{name}", f"{entry[name]} is there twice.", "Keep one.")
            seen.add(entry[name])


RULES = (
    _pages,
    _platform,
    _private_keys,
    _accountable,
    _texts,
    _scopes,
    _cards,
    _notices,
)
