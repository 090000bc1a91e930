"""A city served by `banyan serve`, with a provider and its clients, and the programs that sign residents in.

Tests here are plain functions: the city and the programs are other processes.
"""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from joserfc.jwk import ECKey, OKPKey
from redis import Redis

from app_server.database import credentials
from app_server.embedded.parts import answers
from app_server.embedded.processes import free_port, spawn, tail, wait_until
from app_server.identity import service as identity
from app_server.kernel.settings import Mode, Settings
from app_server.process import process
from app_server.registry.service import found_organisation
from notifications.carrier_simulator import messages_url
from tests.authorization.relying_parties import CLINIC
from tests.conftest import EMPTY_ALL
from tests.relying_parties.people import Resident
from tests.relying_parties.programs import AuthlibProgram, Party, Program, install, node_program

PLACE = "http://127.0.0.1:9/back"  # nobody listens there: tests read what a browser would bring
READY_SECONDS = 90
PROVIDER, STRANGER = "+8613800000003", "+8613800000004"
KEYS: dict[str, ECKey | OKPKey] = {
    "ES256": ECKey.generate_key("P-256", {"kid": "es"}),
    "Ed25519": OKPKey.generate_key("Ed25519", {"kid": "ed"}),
}


@dataclass(frozen=True)
class Served:
    """A running city."""

    url: str
    people: Iterator[int]
    settings: Settings

    def gives_secret(self, party: Party) -> Party:
        """The same client with a secret, as an operator gives it at the command line."""
        command = [sys.executable, "-P", "-m", "app_server.cli", "client", "secret", party.client_id, "--reason", "old"]
        env = {**os.environ, **self.settings.to_env()}
        told = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        (secret,) = re.findall(r"cs_[\w-]+", told)
        wrong = {"grant_type": "client_credentials", "client_id": party.client_id}

        def known() -> bool:
            return "secret" in httpx2.post(f"{self.url}/oauth/token", data=wrong).text

        assert wait_until(known, seconds=10, every=0.1)
        return replace(party, secret=secret)

    def resident(self, answer: str = "allow") -> Resident:
        """Somebody who has never been here."""
        return Resident(self.url, f"+86137{next(self.people):08}", answer)


@pytest.fixture(scope="package")
def served(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`banyan serve` and `banyan work`, with nobody in the city but two providers."""
    install()
    port = free_port()
    url = f"http://localhost:{port}"
    changes = {
        "mode": Mode.DEMO,
        "port": port,
        "base_url": url,
        "sms_url": messages_url(url, "banyan"),
        "sms_secret": "s",
    }
    own = settings.model_copy(update=changes)
    asyncio.run(_plant(own))
    logs = tmp_path_factory.mktemp("served")
    with running("work", own, logs), running("serve", own, logs) as log:
        assert wait_until(lambda: answers(port, "/readyz"), seconds=READY_SECONDS, every=0.05), tail(log)
        yield Served(url, count(1), own)


@contextmanager
def running(command: str, settings: Settings, logs: Path) -> Iterator[Path]:
    log, env = logs / f"{command}.log", {**os.environ, **settings.to_env()}
    child = spawn([sys.executable, "-P", "-m", "app_server.cli", command], log=log, env=env)
    try:
        yield log
    finally:
        child.stop(10)


async def _plant(settings: Settings) -> None:
    connection = await asyncpg.connect(**credentials(settings.database_url))
    await connection.execute(EMPTY_ALL)
    await connection.close()
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
    async with process(settings) as state:
        for phone, organisation in ((PROVIDER, "Fuzhou Clinic"), (STRANGER, "Fuzhou Pharmacy")):
            organisation_id = await found_organisation(organisation)
            await identity.register_person(
                phone, name="吴敏", roles=["provider"], organisation_id=organisation_id, keys=state["keys"]
            )


Register = Callable[..., Party]


@pytest.fixture(scope="package")
def register(served: Served) -> Register:
    """Register a client as a provider does: `register(alg="ES256", by=STRANGER)`; else it has no key."""
    providers: dict[str, httpx2.Client] = {}

    def provider(phone: str) -> httpx2.Client:
        if phone not in providers:
            person = Resident(served.url, phone)
            person.signs_in()
            providers[phone] = person.http
        return providers[phone]

    def make(alg: str | None = None, by: str = PROVIDER, place: str = PLACE, **changes: Any) -> Party:
        key = KEYS[alg] if alg else None
        proof: dict[str, Any] = {"proof": "none"}
        if key:
            proof = {"proof": "private_key_jwt", "public_keys": [key.as_dict(private=False)]}
        made = provider(by).post("/v1/provider/clients", json={**CLINIC, "redirect_uris": [place], **proof, **changes})
        assert made.status_code == 201, made.text
        private = dict(key.as_dict(private=True)) if key else None
        client_id = made.json()["client_id"]
        known = {"client_id": client_id, "redirect_uri": place}
        assert wait_until(lambda: httpx2.get(f"{served.url}/authorize", params=known).status_code == 303, seconds=5)
        return Party(issuer=served.url, client_id=client_id, redirect_uri=place, key=private)

    return make


@pytest.fixture(scope="package")
def programs(served: Served) -> Iterator[dict[str, Program]]:
    """The programs by name."""
    with node_program("openid_client.mjs") as certified, node_program("oidc_client_ts.mjs") as in_a_page:
        yield {"openid-client": certified, "oidc-client-ts": in_a_page, "Authlib": AuthlibProgram()}
