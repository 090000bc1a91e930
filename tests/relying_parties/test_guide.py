"""The program and the commands in the providers' guide sign a resident in, as they stand there."""

import json
import os
import subprocess
from typing import Any

import httpx2

from app_server.embedded.processes import free_port, wait_until
from tests.docs.pages import ROOT, blocks
from tests.relying_parties.conftest import Register, Served
from tests.relying_parties.people import Resident
from tests.relying_parties.programs import HERE

GUIDE = ROOT / "docs" / "guides" / "providers.md"


def test_the_guides_program_greets_whoever_signs_in(served: Served, register: Register) -> None:
    program = next(block.code for block in blocks(GUIDE) if block.language == "js")
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


def test_the_guides_commands_let_a_screen_in_and_get_the_answers_that_stand_there(
    served: Served, register: Register
) -> None:
    asks, polls = (block.code for block in blocks(GUIDE) if block.language == "console" and "$CITY/oauth" in block.code)
    env = {"CITY": served.url, "CLIENT_ID": register(device_flow=True).client_id}
    shows = _run(asks, env)
    stands_there = json.loads(asks[asks.index("{") :])
    assert shows.keys() == stands_there.keys()
    assert [shows[name] for name in ("expires_in", "interval")] == [600, 5]
    env["DEVICE_CODE"] = shows["device_code"]
    assert _run(polls, env) == json.loads(polls[polls.index("{") :])
    served.resident().in_front_of(shows["verification_uri_complete"], shows["banyan_number"])
    assert _run(polls, env)["scope"] == "openid profile"


def _run(block: str, env: dict[str, str]) -> dict[str, Any]:
    """What the block's command prints; its answer in the guide begins with a brace."""
    command = block.removeprefix("$ ").partition("\n{")[0]
    done = subprocess.run(["bash", "-c", command], env={**os.environ, **env}, capture_output=True, check=True)
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


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
