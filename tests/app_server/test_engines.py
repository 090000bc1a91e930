"""The engines: real servers, started and killed as a demo on someone's laptop would be."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from redis import Redis

from app_server.embedded.processes import wait_until
from app_server.embedded.programs import unprivileged_account
from app_server.engines import EngineError, Engines, Postgres, engines

OWNER = """
import sys, time, pathlib
from app_server.engines import engines
with engines(pathlib.Path(sys.argv[1])) as running:
    print(running.postgres.child.pid, running.valkey.child.pid, flush=True)
    time.sleep(60)
"""


def query(running: Engines, sql: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(running.database_url, timeout=10)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def no_servers_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


pytestmark = pytest.mark.usefixtures("no_servers_elsewhere")


@pytest.fixture
def owner(data_dir: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(data_dir)], stdout=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def pids(owner: "subprocess.Popen[bytes]") -> list[int]:
    assert owner.stdout is not None
    return [int(pid) for pid in owner.stdout.readline().split()]


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_both_engines_answer_and_leave_no_process(data_dir: Path) -> None:
    with engines(data_dir) as running:
        assert running.postgres and running.postgres.child and running.valkey and running.valkey.child
        left = [running.postgres.child.pid, running.valkey.child.pid]
        assert str(query(running, "SHOW server_version")).startswith("18.")
        assert query(running, "SHOW fsync") == "on"
        assert query(running, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        with Redis.from_url(running.redis_url) as redis:
            assert redis.ping() is True
    assert all(gone(pid) for pid in left)


def test_data_survives_a_restart_and_a_kill_of_the_server(data_dir: Path) -> None:
    with engines(data_dir) as running:
        query(running, "CREATE TABLE noted (id int)")
        query(running, "INSERT INTO noted VALUES (7)")
        assert running.postgres
        running.postgres.kill()
        running.postgres.start()
        assert query(running, "SELECT id FROM noted") == 7
    with engines(data_dir) as running:
        assert query(running, "SELECT id FROM noted") == 7


def test_a_killed_owner_takes_its_engines_along_and_the_next_one_starts(
    data_dir: Path, owner: "subprocess.Popen[bytes]"
) -> None:
    left = pids(owner)
    owner.kill()
    assert wait_until(lambda: all(gone(pid) for pid in left), seconds=10)
    with engines(data_dir) as running:
        assert query(running, "SELECT 1") == 1


def test_a_second_owner_is_told_who_has_the_directory(data_dir: Path, owner: "subprocess.Popen[bytes]") -> None:
    pids(owner)
    with pytest.raises(EngineError, match=rf"process {owner.pid}\) is using .*DATA="), engines(data_dir):
        pass


def test_a_stale_pid_file_that_names_a_stranger_is_no_obstacle(data_dir: Path) -> None:
    with engines(data_dir):
        pass
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (data_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{data_dir}\n1\n5432\n\n\n1 1\nready\n")
        with engines(data_dir) as running:
            assert query(running, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_engine_that_was_left_running_is_replaced(data_dir: Path) -> None:
    with engines(data_dir) as running:
        assert running.postgres and running.postgres.child
        first = running.postgres.child
        sockets = Path(running.database_url.partition("host=")[2])
        successor = Postgres(data_dir / "postgres", sockets, data_dir / "logs", unprivileged_account())
        successor.start()
        try:
            assert first.exit_code is not None
            assert query(running, "SELECT 1") == 1
        finally:
            successor.stop()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    with engines(tmp_path / ("long" * 25)) as running:
        assert query(running, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another user")
def test_a_closed_home_stays_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with engines(home / "data") as running:
        assert query(running, "SELECT 1") == 1
        assert running.postgres and running.postgres.child
        assert psutil.Process(running.postgres.child.pid).username() == "pgserver"
    assert home.stat().st_mode & 0o777 == 0o700


def test_servers_elsewhere_are_used_and_left_alone(data_dir: Path) -> None:
    with engines(data_dir, environ={"DATABASE_URL": "postgresql://there/x", "REDIS_URL": "redis://there"}) as running:
        assert (running.database_url, running.redis_url) == ("postgresql://there/x", "redis://there")
    assert not data_dir.exists()


def test_a_directory_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(EngineError, match=r"a file is in its way.*DATA="),
        engines(tmp_path / "file" / "data"),
    ):
        pass


def test_data_of_another_major_version_is_refused(data_dir: Path) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EngineError, match=r"made by PostgreSQL 17.*pg_upgrade"), engines(data_dir):
        pass


def test_an_interrupted_first_start_is_begun_again(data_dir: Path) -> None:
    (data_dir / "postgres.new").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with engines(data_dir) as running:
        assert query(running, "SELECT 1") == 1


def test_stopping_is_quick_with_an_open_connection(data_dir: Path) -> None:
    async def hold(running: Engines) -> float:
        connection = await asyncpg.connect(running.database_url)
        begun = time.monotonic()
        assert running.postgres
        running.postgres.stop()
        connection.terminate()
        return time.monotonic() - begun

    with engines(data_dir) as running:
        assert asyncio.run(hold(running)) < 5


def test_a_ctrl_c_at_the_terminal_does_not_reach_the_engines(data_dir: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with engines(data_dir) as running:
        assert running.postgres and running.postgres.child
        assert os.getpgid(running.postgres.child.pid) != os.getpgid(0)
        assert signal.getsignal(signal.SIGINT) is before


def test_logs_do_not_grow_for_ever(data_dir: Path) -> None:
    log = data_dir / "logs" / "web.log"
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 8_000_001)
    with engines(data_dir):
        pass
    assert not log.exists()
    assert log.with_suffix(".log.old").stat().st_size == 8_000_001
