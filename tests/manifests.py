"""Manifests that the checker finds no error in."""

from collections.abc import Mapping
from typing import Any

PROMISE = {"purpose": "to serve you", "legal_basis": "your consent", "retention": "one year"}


def manifest(app_id: str = "library", name: Mapping[str, str] | None = None, **banyan: Any) -> dict[str, Any]:
    """A mini-app of that id and name (`en`, `zh-CN`); `banyan` has more members of the `banyan` object."""
    name = name or {"en": "Fuzhou Library", "zh-CN": "福州市图书馆"}
    return {
        "app_id": app_id,
        "name": name["zh-CN"],
        "icons": [{"src": "/icon.svg"}],
        "pages": ["/"],
        "version": {"code": 1, "name": "1.0.0"},
        "platform_version": {"min_code": 1},
        "banyan": {
            "kind": "remote",
            "name": name,
            "description": {"en": "Borrow books", "zh-CN": "借书"},
            "sector": "public",
            "sponsor": {"en": "Bureau of Culture", "zh-CN": "文化局"},
            "operator": name,
            "filing_number": "DEMO-1",
            "complaints": {"phone": "12345"},
            **banyan,
        },
    }
