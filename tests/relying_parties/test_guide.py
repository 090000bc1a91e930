"""The program in the providers' guide signs a resident in, as it stands there."""

import os
import subprocess

import httpx2

from app_server.embedded.processes import free_port, wait_until
from tests.docs.pages import ROOT, blocks
from tests.relying_parties.conftest import Register, Served
from tests.relying_parties.people import Resident
from tests.relying_parties.programs import HERE

GUIDE = ROOT / "docs" / "guides" / "providers.md"


def test_the_guides_program_greets_whoever_signs_in(served: Served, register: Register) -> None:
    (program,) = (block.code for block in blocks(GUIDE) if block.language == "js")
    place = f"http://127.0.0.1:{free_port()}"
    party = register(place=f"{place}/back")
    env = {**os.environ, "CITY": served.url, "CLIENT_ID": party.client_id, "BACK": party.redirect_uri}
    command = ["node", "--input-type=module", "--eval", program]
    with subprocess.Popen(command, cwd=HERE, env=env) as process:
        try:
            assert wait_until(lambda: _starts(place) is not None, seconds=20, every=0.1)
            assert _signs_in(place, served.resident()) == (200, "Welcome")
            assert _signs_in(place, served.resident("deny")) == (400, "Nobody signed in: access_denied")
        finally:
            process.terminate()


def _starts(place: str) -> str | None:
    try:
        return httpx2.get(place).headers["location"]
    except httpx2.ConnectError:
        return None


def _signs_in(place: str, resident: Resident) -> tuple[int, str]:
    question = _starts(place)
    assert question is not None
    answer = httpx2.get(f"{place}/back", params=dict(resident.goes(question).members))
    return answer.status_code, answer.text.partition(",")[0]
