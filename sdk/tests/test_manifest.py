"""The checker tells everything at once, and where."""

import json
from typing import Any

import pytest

from banyan_sdk import MiniApp
from banyan_sdk.manifest import Finding, ManifestRefused, Severity, check, in_language, parse


def at(findings: list[Finding]) -> dict[str, str]:
    return {finding.pointer: finding.rule for finding in findings}


def test_a_good_manifest_has_nothing_to_mend(manifest: dict[str, Any]) -> None:
    assert check(manifest) == []
    assert parse(manifest).title("en") == "Tea House"


def test_every_mistake_is_told_at_once_with_its_place(manifest: dict[str, Any]) -> None:
    manifest["app_id"] = "Tea House"
    manifest["pages"] = 42
    del manifest["version"]["code"]
    manifest["banyan"]["sector"] = "private"
    manifest["banyan"]["scops"] = manifest["banyan"].pop("scopes")
    manifest["banyan"]["keys"] = {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "a", "kid": "1", "d": "secret"}]}
    manifest["banyan"]["cards"][0]["disclose"]["desk"].append("shoe_size")
    manifest["banyan"]["notices"][0]["body"]["en"] = "{coffee} is ready."
    manifest["banyan"]["notices"][0]["title"] = {"en": "Ready"}
    assert at(check(manifest)) == {
        "/app_id": "app-id",
        "/pages": "type",
        "/version/code": "missing-member",
        "/banyan/sector": "unknown-value",
        "/banyan/scops": "unknown-member",
        "/banyan/keys/keys/0/d": "private-key",
        "/banyan/cards": "scope-for-offer",
        "/banyan/notices": "scope-for-offer",
        "/banyan/cards/0/disclose/desk/1": "disclose",
        "/banyan/notices/0/body": "placeholders",
        "/banyan/notices/0/title": "two-languages",
    }
    mends = {finding.pointer: finding.mend for finding in check(manifest)}
    assert mends["/banyan/scops"] == "Did you mean `scopes`?"
    with pytest.raises(ManifestRefused) as refused:
        parse(manifest)
    assert len(refused.value.findings) == 11
    assert "/banyan/sector" in str(refused.value)


def test_what_is_only_unwise_is_a_warning(manifest: dict[str, Any]) -> None:
    manifest["banyan"]["events"] = []
    manifest["banyan"]["sector"] = "public"
    manifest["banyan"]["scopes"][0]["purpose"] = "to greet you"
    manifest["colour_scheme"] = "dark"
    findings = check(manifest)
    assert {finding.severity for finding in findings} == {Severity.WARNING}
    assert at(findings) == {
        "/banyan/events": "withdrawal",
        "/banyan/filing_number": "filing-number",
        "/banyan/scopes/0/purpose": "two-languages",
        "/colour_scheme": "unknown-member",
    }
    assert (
        next(finding.mend for finding in findings if finding.pointer == "/colour_scheme")
        == "Did you mean `color_scheme`?"
    )
    assert parse(manifest).scope("profile:read") is not None


@pytest.mark.parametrize("pages", [["/a", "/a"], ["/.banyan/launch"], ["/a//b"], ["/a/../b"], ["loans"], []])
def test_a_page_that_is_none_is_found(manifest: dict[str, Any], pages: list[str]) -> None:
    manifest["pages"] = pages
    assert any(
        finding.pointer.startswith("/pages") and finding.severity is Severity.ERROR for finding in check(manifest)
    )


@pytest.mark.parametrize(
    "nonsense", [None, 3, "x", [], {}, {"banyan": 3}, {"banyan": {"cards": {}, "scopes": [1, None]}}]
)
def test_the_checker_never_stumbles(nonsense: object) -> None:
    assert any(finding.severity is Severity.ERROR for finding in check(nonsense))


def test_every_part_of_a_manifest_may_be_anything(manifest: dict[str, Any]) -> None:
    """Each member in turn becomes each kind of JSON value: the checker answers, whatever comes."""

    def spoil(part: Any) -> None:
        for name in list(part) if isinstance(part, dict) else range(len(part) if isinstance(part, list) else 0):
            kept = part[name]
            anything: tuple[Any, ...] = (None, True, -1, 1.5, "", "\u0000", [], {}, [[]], {"": {}})
            for value in anything:
                part[name] = value
                for finding in check(manifest):
                    json.dumps([finding.pointer, finding.message])
            part[name] = kept
            spoil(kept)

    spoil(manifest)
    assert check(manifest) == []


def test_a_resident_reads_her_own_language_or_the_nearest() -> None:
    texts = {"en": "Tea", "zh-CN": "茶"}
    assert [in_language(texts, locale) for locale in ("zh-CN", "zh-TW", "en-GB", "fr")] == ["茶", "茶", "Tea", "Tea"]
    assert in_language({"zh-CN": "茶"}, "fr") == "茶"


def test_a_notice_keeps_a_placeholder_that_has_no_value(manifest: dict[str, Any]) -> None:
    template = parse(manifest).notice("ready")
    assert template is not None
    assert template.filled({"tea": "{table}"}, "en") == ("Your tea is ready", "{table} waits at table {table}.")


def test_a_missing_or_broken_file_is_named(tmp_path: Any) -> None:
    with pytest.raises(Exception, match=r"miniapp\.json cannot be read"):
        MiniApp.from_manifest(tmp_path / "miniapp.json")
    (tmp_path / "miniapp.json").write_text("{")
    with pytest.raises(Exception, match="is not JSON"):
        MiniApp.from_manifest(tmp_path / "miniapp.json")
