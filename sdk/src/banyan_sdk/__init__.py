"""Banyan SDK: what a provider touches to put a mini-app in front of a city's residents."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from banyan_sdk.app import MiniApp
    from banyan_sdk.bodies import read
    from banyan_sdk.client import Platform, PlatformRefused, PlatformUnreachable
    from banyan_sdk.context import Event, Launch
    from banyan_sdk.manifest import ManifestRefused
    from banyan_sdk.problems import Problem

__all__ = [
    "Event",
    "Launch",
    "ManifestRefused",
    "MiniApp",
    "Platform",
    "PlatformRefused",
    "PlatformUnreachable",
    "Problem",
    "Request",
    "read",
]

_HOME = {
    "Event": "banyan_sdk.context",
    "Launch": "banyan_sdk.context",
    "ManifestRefused": "banyan_sdk.manifest",
    "MiniApp": "banyan_sdk.app",
    "Platform": "banyan_sdk.client",
    "PlatformRefused": "banyan_sdk.client",
    "PlatformUnreachable": "banyan_sdk.client",
    "Problem": "banyan_sdk.problems",
    "Request": "starlette.requests",
    "read": "banyan_sdk.bodies",
}


def __getattr__(name: str) -> object:
    """Loaded when first used, so that the platform, which needs only the wire contract, starts fast."""
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(_HOME[name]), name)
