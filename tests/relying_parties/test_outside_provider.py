"""The city as a relying party of npm `oidc-provider` as it is: a resident's name is verified, from end to end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import httpx2
import pytest
from joserfc.jwk import ECKey

from app_server.embedded.parts import answers
from app_server.embedded.processes import free_port, tail, wait_until
from tests.relying_parties.conftest import READY_SECONDS, Served, running
from tests.relying_parties.people import Forms, Resident

NAME, NUMBER = "林晓榕", "350102199003072640"
KEY = ECKey.generate_key("P-256", {"kid": "ours"})


@contextmanager
def provider_of_names(redirect_uri: str) -> Iterator[str]:
    """The provider on a free port; its issuer."""
    command = ["node", "oidc_provider_of_names.mjs", redirect_uri, json.dumps(KEY.as_dict(private=False)), NAME, NUMBER]
    with Popen(command, cwd=Path(__file__).parent, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://localhost:{int(process.stdout.readline())}"


@pytest.fixture
def trusting(served: Served, tmp_path: Path) -> Iterator[str]:
    """A second web process of the city, which knows the provider."""
    port = free_port()
    url = f"http://localhost:{port}"
    with provider_of_names(f"{url}/me/identity/outside/names/back") as issuer:
        (tmp_path / "names.pem").write_bytes(KEY.as_pem(private=True))
        entry = {
            "id": "names",
            "issuer": issuer,
            "client_id": "banyan",
            "key_file": "names.pem",
            "key_id": "ours",
            "name": {"en": "Names", "zh-CN": "姓名"},
            "claims": {"id_number": "citizen_id"},
        }
        (tmp_path / "providers.json").write_text(json.dumps([entry]))
        changes = {"port": port, "base_url": url, "outside_providers": tmp_path / "providers.json"}
        with running("serve", served.settings.model_copy(update=changes), tmp_path) as log:
            assert wait_until(lambda: answers(port, "/readyz"), seconds=READY_SECONDS, every=0.05), tail(log)
            yield url


def test_a_name_is_verified_by_an_unmodified_provider(trusting: str, served: Served) -> None:
    who = Resident(trusting, f"+86137{next(served.people):08}")
    who.signs_in()
    page = who.http.post("/me/identity/outside/names")
    target = Forms(page.text).goes_to
    assert target and "request_uri" in target, page.text  # it offers pushed requests, so they are taken
    with httpx2.Client() as there:
        for _ in range(8):
            answer = there.get(target)
            target = answer.headers["location"]
            if target.startswith(trusting):
                break
            target = (
                target if target.startswith("http") else f"{answer.url.scheme}://localhost:{answer.url.port}{target}"
            )
    back = who.http.get(target)
    assert (back.status_code, back.headers.get("location")) == (303, "/me/identity?done"), back.text
    shown = who.http.get("/me/identity?lang=en").text
    assert "Level 2 of 3" in shown and NAME in shown
    again = who.http.get(target)
    assert again.status_code == 409  # the same answer once more
