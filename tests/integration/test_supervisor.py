"""The supervisor with a Procfile of small scripts in place of the product's processes."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from ports import free_port

from ml.settings import ROOT
from worker import valkey

PROCFILE = """\
release: python release.py
web: python web.py $PORT
relay: python loop.py relay
scheduler: python loop.py scheduler
worker: python loop.py worker
demo: python demo.py
"""
PIDS = """
import os

def write_pid(name):
    with open(name + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.replace(name + ".new", name + ".pid")
"""
WEB = """
import signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pids import write_pid

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

def stop(*_):
    open("stopped", "a").write("web\\n")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
write_pid("web")
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
LOOP = """
import os, signal, sys, time
from pids import write_pid

name = sys.argv[1]

def stop(*_):
    open("stopped", "a").write(name + "\\n")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
write_pid(name)
print(name, "works with", os.environ["REDIS_URL"], flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
from pids import write_pid

signal.signal(signal.SIGTERM, signal.SIG_IGN)
write_pid("worker")
time.sleep(60)
"""
UP = """
import sys
from pathlib import Path
from worker.supervisor import up

sys.exit(up(root=Path.cwd(), demo=len(sys.argv) > 1))
"""


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie that nobody has waited for yet does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@dataclass
class Site:
    """A project folder with a home of its own, and the supervisors started in it."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.root / "var"

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(textwrap.dedent(text))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        number = len(self.started)
        with (self.root / f"output-{number}").open("w") as output:
            supervisor = subprocess.Popen(
                [sys.executable, "-c", UP, *arguments],
                cwd=self.root,
                env={**os.environ, "PYTHONPATH": str(ROOT), "FORECASTLE_HOME": str(self.home), **self.env},
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.started.append(supervisor)
        return supervisor

    def output(self, number: int = -1) -> str:
        return (self.root / f"output-{number % len(self.started)}").read_text()

    def is_ready(self) -> bool:
        assert self.started[-1].poll() is None, self.output()
        started = all((self.root / f"{name}.pid").exists() for name in ("web", "relay", "scheduler", "worker"))
        return started and "is ready" in self.output()

    def pid(self, name: str) -> int:
        return int((self.root / f"{name}.pid").read_text())

    def valkey_pid(self) -> int:
        return int((self.home / "valkey" / "valkey.pid").read_text())

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(valkey.url(self.home))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, {"DATABASE_URL": "", "REDIS_URL": "", "PORT": str(free_port())})
    site.write("Procfile", PROCFILE)
    site.write("pids.py", PIDS)
    site.write("web.py", WEB)
    site.write("loop.py", LOOP)
    site.write("release.py", "print('migrated')")
    site.write("demo.py", "print('loaded')")
    yield site
    for supervisor in site.started:
        if supervisor.poll() is None:
            supervisor.terminate()
            supervisor.wait(30)
    valkey.stop_orphan(site.home)


def test_starts_everything_and_stops_it_in_order(site: Site) -> None:
    supervisor = site.start()
    eventually(site.is_ready)
    processes = [site.valkey_pid(), *map(site.pid, ("web", "relay", "scheduler", "worker"))]
    assert all(map(is_alive, processes))
    assert "migrated" in (site.home / "logs" / "release.log").read_text()
    assert valkey.url(site.home) in (site.home / "logs" / "worker.log").read_text()

    supervisor.send_signal(signal.SIGINT)

    assert supervisor.wait(15) == 0
    assert (site.root / "stopped").read_text().split() == ["web", "scheduler", "relay", "worker"]
    assert not any(map(is_alive, processes))


def test_only_its_owner_can_open_the_socket_and_the_secret(site: Site) -> None:
    site.start()
    eventually(site.is_ready)
    for name in ("valkey.sock", "secret.key"):
        assert stat.S_IMODE((site.home / name).stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE(site.home.stat().st_mode) == 0o700


def test_keeps_the_secret_and_what_redis_holds_over_a_restart(site: Site) -> None:
    supervisor = site.start()
    eventually(site.is_ready)
    secret = (site.home / "secret.key").read_text()
    with site.redis() as client:
        client.set("kept", "yes")
    supervisor.terminate()
    supervisor.wait(15)

    site.start()
    eventually(site.is_ready)

    assert (site.home / "secret.key").read_text() == secret
    with site.redis() as client:
        assert client.get("kept") == b"yes"


def test_refuses_a_home_in_which_another_one_runs_and_names_it(site: Site) -> None:
    first = site.start()
    eventually(site.is_ready)
    second = site.start()
    assert second.wait(15) == 1
    assert f"process {first.pid}" in site.output()
    assert is_alive(site.pid("worker"))


def test_starts_a_process_again_that_was_killed(site: Site) -> None:
    site.start()
    eventually(site.is_ready)
    killed = site.pid("worker")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: site.pid("worker") != killed)
    assert "worker ended (SIGKILL)" in site.output()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills children with their parent")
def test_leaves_nothing_behind_when_it_is_killed_but_valkey_which_the_next_one_stops(site: Site) -> None:
    supervisor = site.start()
    eventually(site.is_ready)
    children = list(map(site.pid, ("web", "relay", "scheduler", "worker")))
    orphan = site.valkey_pid()
    supervisor.kill()
    supervisor.wait(15)
    eventually(lambda: not any(map(is_alive, children)))
    assert is_alive(orphan)

    site.start()
    eventually(site.is_ready)

    assert not is_alive(orphan)
    assert f"process {orphan}" in site.output()


def test_shows_why_a_process_cannot_start(site: Site) -> None:
    site.write("web.py", "raise SystemExit('the port is haunted')")
    supervisor = site.start()
    assert supervisor.wait(20) == 1
    assert "web cannot start" in site.output()
    assert "the port is haunted" in site.output()
    assert not is_alive(site.pid("worker"))


def test_gives_up_when_a_process_never_runs_even_if_pages_work(site: Site) -> None:
    site.write("Procfile", PROCFILE.replace("loop.py worker", "missing.py"))
    supervisor = site.start()
    assert supervisor.wait(20) == 1
    assert "is ready" in site.output()
    assert "worker cannot start" in site.output()
    assert "missing.py" in site.output()


def test_starts_nothing_when_the_migration_fails(site: Site) -> None:
    site.write("release.py", "raise SystemExit('no such column')")
    supervisor = site.start()
    assert supervisor.wait(15) == 1
    assert "no such column" in site.output()
    assert not (site.root / "web.pid").exists()


def test_uses_the_redis_that_it_is_told_to_use(site: Site, redis_url: str) -> None:
    site.env["REDIS_URL"] = redis_url
    site.start()
    eventually(site.is_ready)
    assert not (site.home / "valkey").exists()
    assert redis_url in (site.home / "logs" / "worker.log").read_text()


def test_a_second_interrupt_does_not_wait_for_a_stubborn_process(site: Site) -> None:
    site.write("stubborn.py", STUBBORN)
    site.write("Procfile", PROCFILE.replace("loop.py worker", "stubborn.py"))
    supervisor = site.start()
    eventually(site.is_ready)
    begun = time.monotonic()
    supervisor.send_signal(signal.SIGINT)
    eventually(lambda: "Stopping" in site.output())
    supervisor.send_signal(signal.SIGINT)
    assert supervisor.wait(15) == 0
    assert time.monotonic() - begun < 5
    assert not is_alive(site.pid("worker"))


def test_loads_demo_data_before_it_says_ready(site: Site) -> None:
    site.start("--demo")
    eventually(site.is_ready)
    assert site.output().index("loaded") < site.output().index("is ready")


def test_stops_when_demo_data_cannot_be_loaded(site: Site) -> None:
    site.write("demo.py", "raise SystemExit('not a CSV')")
    supervisor = site.start("--demo")
    assert supervisor.wait(15) == 1
    assert "not a CSV" in site.output()
    assert not is_alive(site.pid("worker"))


def test_refuses_a_port_that_is_taken(site: Site) -> None:
    site.start()
    eventually(site.is_ready)
    port = site.output().rsplit("127.0.0.1:", 1)[1].split()[0]
    other = Site(site.root, {**site.env, "PORT": port, "FORECASTLE_HOME": str(site.root / "other")}, site.started)
    assert other.start().wait(15) == 1
    assert f"port {port} is taken" in site.output()
