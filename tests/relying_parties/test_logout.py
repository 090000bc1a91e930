"""A resident signs out of other people's programs: they send her to the city, and hear what ended."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from app_server.embedded.processes import free_port, wait_until
from tests.docs.pages import blocks
from tests.relying_parties.conftest import Register, Served
from tests.relying_parties.programs import HERE, NodeLogin, Program
from tests.relying_parties.test_guide import GUIDE

BYE = "http://127.0.0.1:9/bye"

Programs = dict[str, Program]


@contextmanager
def guides_receiver(city: str, client_id: str, port: int, said: Path) -> Iterator[None]:
    """The guide's second program, as it stands there: it verifies logout tokens with npm's `jose`."""
    _, program = (block.code for block in blocks(GUIDE) if block.language == "js")
    env = {**os.environ, "CITY": city, "CLIENT_ID": client_id, "PORT": str(port)}
    command = ["node", "--input-type=module", "--eval", program]
    with said.open("w") as out, subprocess.Popen(command, cwd=HERE, env=env, stdout=out) as process:
        try:
            assert wait_until(lambda: _refuses(port), seconds=20, every=0.1)
            yield
        finally:
            process.terminate()


def _refuses(port: int) -> bool:
    """Whether it listens, and takes no nonsense for a logout token."""
    try:
        return httpx2.post(f"http://127.0.0.1:{port}/", data={"logout_token": "x.y.z"}).status_code == 400
    except httpx2.ConnectError:
        return False


@pytest.mark.parametrize("answer", ["sign_out", "stay"])
@pytest.mark.parametrize("name", ["openid-client", "oidc-client-ts"])
def test_a_program_sends_her_to_the_city_and_hears_that_its_session_has_ended(
    served: Served, register: Register, programs: Programs, name: str, answer: str, tmp_path: Path
) -> None:
    port = free_port()
    own = {"post_logout_redirect_uris": [BYE], "backchannel_logout_uri": f"http://127.0.0.1:{port}/"}
    resident, party = served.resident(), register(**own)
    with guides_receiver(served.url, party.client_id, port, tmp_path / "said"):
        begun = programs[name].begin(party)
        login = begun.finish(resident.goes(begun.url))
        assert isinstance(begun, NodeLogin)
        resident.answer = answer
        came = resident.goes(begun.leave(BYE, "s 1"))
        assert resident.seen == ["end-session"]
        assert came.members["state"].endswith("s 1")  # oidc-client-ts puts an id of its own before it
        ended = f"ended {login.claims['sid']}\n"
        assert wait_until(lambda: (tmp_path / "said").read_text() == ended, seconds=20, every=0.1)
        still = resident.http.get("/v1/me").status_code == 200
        assert still == (answer == "stay")
