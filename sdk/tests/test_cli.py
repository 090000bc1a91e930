"""A provider's first ten minutes: new, check, run."""

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from banyan_sdk.cli import main

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    main(["new", "tea-house"])
    return tmp_path / "tea-house"


def test_a_new_mini_app_has_nothing_to_mend(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(folder)])
    assert "Nothing to mend." in capsys.readouterr().out
    assert (folder / "key.jwk").stat().st_mode & 0o777 == 0o600
    assert "key.jwk" in (folder / ".gitignore").read_text()


def test_check_tells_everything_and_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = (folder / "miniapp.json").read_text()
    (folder / "miniapp.json").write_text(manifest.replace('"commercial"', '"club"').replace('"pages"', '"page"'))
    (folder / "pages").mkdir()
    (folder / "pages" / "index.html").write_text("<script>1</script>")
    with pytest.raises(SystemExit) as end:
        main(["check", str(folder)])
    assert end.value.code == 1
    out = capsys.readouterr().out
    assert "/banyan/sector" in out
    assert "index.html:1" in out
    assert "Did you mean `pages`?" in out
    assert "3 to mend, 1 to think about." in out


@pytest.mark.parametrize("name", ["Tea", "x", "../x", "tea house"])
def test_a_name_that_cannot_be_an_address_is_refused(name: str) -> None:
    with pytest.raises(SystemExit, match="cannot be an app_id"):
        main(["new", name])


def test_nothing_is_overwritten(folder: Path) -> None:
    with pytest.raises(SystemExit, match="exists already"):
        main(["new", "tea-house"])


def test_without_its_settings_it_ends_with_one_sentence(folder: Path) -> None:
    bare = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    ended = subprocess.run([sys.executable, "app.py"], cwd=folder, env=bare, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == (
        "tea-house: BANYAN_PLATFORM_URL is not set. It is the platform's address, such as https://city.example.\n"
    )


def visited(what: str, **env: str) -> dict[str, object]:
    """Run it with `banyan-app run`, open it as the shell and its page do, and read the page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "banyan_sdk", "run", what, "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **env}
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            deadline = time.monotonic() + 60
            while True:
                try:
                    http.get("/shell.js").raise_for_status()
                    break
                except httpx2.TransportError:
                    assert time.monotonic() < deadline
                    assert process.poll() is None, process.stdout and process.stdout.read()
                    time.sleep(0.1)
            url = http.post("/launch", json={}).json()["url"]
            code, launch_id = re.findall(r"=([^&]+)", url)
            at_app = {"host": f"{url.split('//')[1].split('.')[0]}.localhost:{port}"}
            session = http.post("/.banyan/session", json={"code": code, "launch_id": launch_id}, headers=at_app).json()
            headers = at_app | {"authorization": f"Bearer {session['session']}"}
            page = http.get("/", headers=at_app)
            assert page.headers["content-security-policy"].startswith("default-src 'self'; ")
            content: dict[str, object] = http.get("/", headers=headers).json()
            return content
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_a_new_mini_app_greets_whoever_opens_it(folder: Path) -> None:
    assert visited(str(folder)) == {"title": "你好, 林晓燕", "text": "This page is yours to write."}


def test_the_hello_world_of_the_readme_runs(folder: Path) -> None:
    (hello,) = re.findall(r"```python hello\n(.*?)```", README.read_text(), re.DOTALL)
    assert len([line for line in hello.splitlines() if line.strip()]) <= 10
    (folder / "app.py").write_text(hello)
    assert visited(str(folder))["title"] == "你好，林晓燕"


def test_an_app_that_a_function_makes_runs_as_well(folder: Path) -> None:
    (folder / "shop.py").write_text("def make():\n    from app import app\n    return app\n")
    os.chdir(folder)
    assert visited("shop:make", PYTHONPATH=str(folder))["title"] == "你好, 林晓燕"


def test_what_is_no_mini_app_is_named(folder: Path) -> None:
    (folder / "app.py").write_text("app = 3\n")
    with pytest.raises(SystemExit, match=r"app\.py is not a MiniApp"):
        main(["run", str(folder)])
    with pytest.raises(SystemExit, match="json:dumps2 is not a MiniApp"):
        main(["run", "json:dumps2"])
