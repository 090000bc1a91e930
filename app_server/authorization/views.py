"""A client's texts in one language."""

from collections.abc import Mapping

from app_server.authorization.schemas import ScopeView
from app_server.kernel.ports import Client, ScopeRequest


def text_of(texts: Mapping[str, str], language: str) -> str:
    """The text in this language; another one of its languages when there is none."""
    return texts.get(language) or next(iter(texts.values()), "")


def purposes_of(client: Client, scope: str) -> Mapping[str, str]:
    """Why the client asks for the scope, in every language; empty when it does not ask for it (any more)."""
    return next((asked.purpose for asked in client.scopes if asked.scope == scope), {})


def purpose_of(client: Client, scope: str, language: str) -> str:
    """Why the client asks for the scope, in one language."""
    return text_of(purposes_of(client, scope), language)


def scope_view(asked: ScopeRequest, language: str) -> ScopeView:
    """What is asked, as the resident reads it."""
    return ScopeView(
        scope=asked.scope,
        purpose=text_of(asked.purpose, language),
        legal_basis=text_of(asked.legal_basis, language),
        retention=text_of(asked.retention, language),
        required=asked.required,
    )
