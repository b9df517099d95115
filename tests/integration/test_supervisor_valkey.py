"""The embedded Valkey server: where it listens, and what becomes of one that was left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from worker import valkey

Start = Callable[[Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(home: Path) -> subprocess.Popen[bytes]:
        server = subprocess.Popen(valkey.command(home), stdout=subprocess.DEVNULL, start_new_session=True)
        started.append(server)
        deadline = time.monotonic() + 10
        while not valkey.answers(home):
            assert time.monotonic() < deadline, "Valkey does not answer"
            time.sleep(0.02)
        return server

    yield start
    for server in started:
        server.kill()
        server.wait()


def test_listens_in_its_home(tmp_path: Path, start: Start) -> None:
    start(tmp_path)
    assert valkey.socket_path(tmp_path) == tmp_path / "valkey.sock"
    assert (tmp_path / "valkey.sock").is_socket()


def test_listens_elsewhere_when_the_path_of_its_home_is_too_long_for_a_socket(tmp_path: Path, start: Start) -> None:
    home = tmp_path / ("deep" * 20) / ("deeper" * 10)
    home.mkdir(parents=True)
    start(home)
    folder = valkey.socket_path(home).parent
    assert home not in folder.parents
    assert folder.stat().st_mode & 0o077 == 0
    valkey.stop_orphan(home)
    folder.rmdir()


def test_an_address_may_hold_spaces(tmp_path: Path, start: Start) -> None:
    home = tmp_path / "my data"
    start(home)
    assert "my%20data" in valkey.url(home)


def test_stops_a_server_that_was_left_behind(tmp_path: Path, start: Start) -> None:
    server = start(tmp_path)
    assert valkey.stop_orphan(tmp_path) == server.pid
    assert server.wait(5) == 0
    assert valkey.stop_orphan(tmp_path) is None


def test_stops_one_that_hangs(tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valkey, "PATIENCE", 0.3)
    server = start(tmp_path)
    server.send_signal(signal.SIGSTOP)
    assert valkey.stop_orphan(tmp_path) == server.pid
    assert server.wait(5) == -signal.SIGKILL


def test_leaves_a_stranger_alone_that_has_the_number_of_a_dead_server(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "valkey.pid").write_text(str(os.getpid()))
    assert valkey.stop_orphan(tmp_path) is None
