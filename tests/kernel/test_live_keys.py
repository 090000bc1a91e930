"""The ring of a running process follows its file, and its clock."""

import asyncio
import json
import logging
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app_server.kernel import live_keys
from app_server.kernel.crypto import KeyRing
from app_server.kernel.key_file import KeyFile, KeyFileError
from app_server.kernel.key_times import OVERLAP
from app_server.kernel.tokens import Expectation, TokenRefused, TokenVerifier, sign

START = datetime(2026, 11, 22, tzinfo=UTC)
LEAD = timedelta(hours=1)


class Scene:
    """A key file, the ring of a process, and a clock to be moved."""

    def __init__(self, path: Path) -> None:
        self.now, self.path = START, path
        KeyRing.create(path, START)
        self.ring = KeyRing.load(path, self.clock)

    def clock(self) -> datetime:
        return self.now

    def rotate(self, *, sealing: bool = True) -> None:
        """As the command does, or as the worker does: without a sealing key."""
        KeyFile.read(self.path).rotated(self.now, LEAD, sealing=sealing).replace(self.path)

    def token(self) -> str:
        """Signed by the ring, good for an hour."""
        stamp = int(self.now.timestamp())
        claims = {"iss": "https://city", "aud": "https://city", "iat": stamp, "exp": stamp + 3600}
        return sign(claims, typ="at+jwt", keys=self.ring)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "keys.json")


def test_a_new_key_is_published_at_once_and_signs_and_seals_later(scene: Scene) -> None:
    before, sealed = scene.ring.signing_key.kid, scene.ring.seal("resident.name", "林")
    scene.rotate()
    assert not set(scene.ring.public_keys) - {before}, "nobody has looked yet"
    assert scene.ring.refresh()
    new = scene.ring.signing_keys[0].kid
    assert list(scene.ring.public_keys) == [new, before]
    assert [key["kid"] for key in scene.ring.public_jwks()["keys"][:2]] == [new, before]
    assert (scene.ring.signing_key.kid, scene.ring.seal("resident.name", "林")[:4]) == (before, sealed[:4])
    scene.now += LEAD
    assert not scene.ring.refresh(), "the file is the same, the time is not"
    assert scene.ring.signing_key.kid == new
    assert scene.ring.seal("resident.name", "林")[:4] != sealed[:4]
    assert scene.ring.open("resident.name", sealed) == "林"
    scene.now += OVERLAP
    scene.ring.refresh()
    assert list(scene.ring.public_keys) == [new]
    assert scene.ring.open("resident.name", sealed) == "林"


def test_who_holds_the_ring_verifies_what_a_new_key_signs(scene: Scene) -> None:
    expected = Expectation(typ="at+jwt", issuer="https://city", audience="https://city")
    verifier = TokenVerifier(expected, scene.ring, lambda claims: claims["iat"])
    first = scene.token()
    verifier.verify(first, scene.now)
    scene.rotate()
    scene.ring.refresh()
    scene.now += LEAD - timedelta(minutes=1)
    second = scene.token()
    scene.now += timedelta(minutes=1)
    scene.ring.refresh()
    for token in (second, scene.token()):
        verifier.verify(token, scene.now)
    assert len({token.partition(".")[0] for token in (first, second, scene.token())}) == 2


def test_what_a_key_signed_that_was_taken_out_of_the_file_is_refused_although_it_was_seen(scene: Scene) -> None:
    expected = Expectation(typ="at+jwt", issuer="https://city", audience="https://city")
    verifier = TokenVerifier(expected, scene.ring, lambda claims: claims["iat"])
    token = scene.token()
    verifier.verify(token, scene.now)
    scene.rotate()
    document = KeyFile.read(scene.path).document
    KeyFile.of({**document, "signing": document["signing"][:1]}).replace(scene.path)
    scene.ring.refresh()
    with pytest.raises(TokenRefused, match="kid"):
        verifier.verify(token, scene.now)


def spoilt(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def another_citys(path: Path) -> None:
    KeyFile.new(START).replace(path)


@pytest.mark.parametrize(
    "spoil", [spoilt(""), spoilt('{"sealing": ['), lambda path: path.chmod(0o644), Path.unlink, another_citys]
)
def test_a_wrong_file_changes_nothing_and_the_right_one_is_taken_after_it(
    scene: Scene, spoil: Callable[[Path], object], tmp_path: Path
) -> None:
    sealed, token = scene.ring.seal("resident.name", "林"), scene.token()
    scene.rotate()
    shutil.copy2(scene.path, tmp_path / "right")
    spoil(scene.path)
    for _ in range(2):
        with pytest.raises(KeyFileError):
            scene.ring.refresh()
        assert scene.ring.open("resident.name", sealed) == "林"
        assert scene.token().partition(".")[0] == token.partition(".")[0]
    shutil.copy2(tmp_path / "right", scene.path)
    assert scene.ring.refresh()
    assert len(scene.ring.public_keys) == 2


@pytest.mark.parametrize("sealing", [True, False])
def test_a_file_without_the_keys_that_seal_and_sign_now_is_an_old_one(scene: Scene, sealing: bool) -> None:
    shutil.copy2(scene.path, scene.path.with_name("old"))
    scene.rotate(sealing=sealing)
    scene.ring.refresh()
    scene.now += LEAD
    scene.ring.refresh()
    scene.path.with_name("old").replace(scene.path)
    with pytest.raises(KeyFileError, match="older"):
        scene.ring.refresh()


def test_time_goes_on_where_the_file_is_wrong(scene: Scene) -> None:
    before = scene.ring.signing_key.kid
    scene.rotate()
    scene.ring.refresh()
    scene.path.write_text("{")
    scene.now += LEAD
    with pytest.raises(KeyFileError):
        scene.ring.refresh()
    assert scene.ring.signing_key.kid != before


async def test_a_process_looks_by_itself_and_tells_of_a_wrong_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live_keys, "LOOK_EVERY", 0.01)
    path = tmp_path / "keys.json"
    KeyRing.create(path, START)
    right = path.read_bytes()
    caplog.set_level(logging.INFO)
    async with live_keys.live_keys(path, lambda: START) as ring:
        path.write_text("{")
        await asyncio.sleep(0.1)
        path.write_bytes(right)
        await asyncio.sleep(0.05)
        KeyFile.read(path).rotated(START, LEAD, sealing=False).replace(path)
        await asyncio.sleep(0.2)
        assert len(ring.public_keys) == 2
    events = [record.getMessage() for record in caplog.records]
    assert events.count("key_file_refused") == 1
    assert json.loads(path.read_text())["signing"][0]["pem"] not in caplog.text
