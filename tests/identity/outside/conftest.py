"""A resident in a browser, and a provider outside of the city."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app_server.identity.outside.providers import known
from tests.actors import Person
from tests.city import City
from tests.identity.outside.faulty import Faulty, listening


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser, who is sent out and comes back."""

    city: City
    person: Person
    faulty: Faulty
    provider: str = "province"

    def browser(self) -> httpx2.AsyncClient:
        headers = {"cookie": f"banyan_session={self.person.cookie}", "origin": self.city.settings.base_url}
        return self.city.browser(**headers, accept="text/html", **{"accept-language": "en"})

    async def presses(self) -> httpx2.Response:
        async with self.browser() as browser:
            return await browser.post(f"/me/identity/outside/{self.provider}")

    async def goes(self) -> dict[str, str]:
        """What the provider is asked; the nonce is the one that it puts into its token."""
        page = await self.presses()
        assert page.status_code == 200, page.text
        target = unescape(re.findall(r'class="button button--primary" href="([^"]+)"', page.text)[0])
        assert target.startswith(f"{self.faulty.issuer}/authorize?")
        asked = dict(parse_qsl(urlsplit(target).query))
        self.faulty.nonce = asked.get("nonce", "")
        return asked

    async def comes_back(self, **came: str | None) -> httpx2.Response:
        said = {"code": "c", "iss": self.faulty.issuer} | came
        members = {name: value for name, value in said.items() if value is not None}
        async with self.browser() as browser:
            return await browser.get(f"/me/identity/outside/{self.provider}/back", params=members)

    async def level(self) -> int:
        return int((await self.person.get("/v1/me/identity")).json()["level"])


@pytest.fixture
async def faulty(city: City) -> AsyncIterator[Faulty]:
    made = Faulty()
    made.now = lambda: int(city.clock().timestamp())
    async with listening(made) as outside:
        yield outside


@pytest.fixture
def entry(faulty: Faulty, tmp_path: Path) -> dict[str, Any]:
    """The provider as the operator's file has it."""
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "province.pem").write_bytes(pem)
    (tmp_path / "province.secret").write_text("s3cret/+\n")
    return {
        "id": "province",
        "issuer": faulty.issuer,
        "client_id": "banyan",
        "key_file": "province.pem",
        "key_id": "ours",
        "name": {"en": "Fujian ID", "zh-CN": "福建身份"},
        "claims": {"id_number": "id_number"},
    }


def use(city: City, folder: Path, *entries: dict[str, Any]) -> None:
    """Let the city know these providers."""
    file = folder / "providers.json"
    file.write_text(json.dumps(entries))
    settings = city.settings.model_copy(update={"outside_providers": file})
    city.state["outside_providers"] = known(settings)  # type: ignore[typeddict-unknown-key]


@pytest.fixture
async def lin(city: City, faulty: Faulty, entry: dict[str, Any], tmp_path: Path) -> Visitor:
    use(city, tmp_path, entry)
    return Visitor(city, await city.person(), faulty)
