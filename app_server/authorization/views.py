"""A client's texts in one language."""

from collections.abc import Mapping

from app_server.authorization.schemas import ScopeView
from app_server.kernel.ports import Client, ScopeRequest


def text_of(texts: Mapping[str, str], language: str) -> str:
    """The text in this language; another one of its languages when there is none."""
    return texts.get(language) or next(iter(texts.values()), "")


def purpose_of(client: Client, scope: str, language: str) -> str:
    """Why the client asks for the scope; empty when it does not ask for it (any more)."""
    return next((text_of(asked.purpose, language) for asked in client.scopes if asked.scope == scope), "")


def scope_view(asked: ScopeRequest, language: str) -> ScopeView:
    """What is asked, as the resident reads it."""
    return ScopeView(
        scope=asked.scope,
        purpose=text_of(asked.purpose, language),
        legal_basis=text_of(asked.legal_basis, language),
        retention=text_of(asked.retention, language),
        required=asked.required,
    )
