"""The live server keeps to its own description, whatever it is sent, and whoever asks.

`make test` sends a sample as one role; `make test-api` sends much more, as each role.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from flask import Flask
from ports import free_port
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import SALES_CSV, SECRET, ClientFor, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.imports import Import
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from ml.secrets import generate_key

EXAMPLES = int(os.environ.get("API_EXAMPLES", "1"))
PHASES = os.environ.get("API_PHASES", "fuzzing")
ROLES = os.environ.get("API_ROLES", "planner").split(",")
SIGNS_OUT = (
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/refresh",
    "PATCH /api/v1/users/{user_id}",
    "PUT /api/v1/users/{user_id}/password",
)
"""What would end the sign-in that the run itself uses, since that is among the accounts; tests of their own send these
whatever is wrong (`test_hostile_requests`, `test_refresh_tokens`, `test_api_users`)."""

LEFT_OUT = "allow_header_conformance,unsupported_method"
"""Both ask which methods a path has, as if it were one thing: but a product may be called "train", a schedule "runs",
and a customer "C-1/erase". The last test asks what the routes themselves allow."""

CONFIG = """
[checks]
# 422 is also the answer to what a description cannot say: a rule between two fields, a name that is not in the data.
positive_data_acceptance.expected-statuses = ["2xx", "304", "401", "403", "404", "409", "412", "422", "429", "502"]
# 404 comes before all else where the path names nothing; 412 where an If-Match that was made up is looked at first.
"""

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def server(app: Flask, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of gunicorn on the test's own database and Redis."""
    port = free_port()
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "FORECASTLE_HOME": str(tmp_path),
        "FORECASTLE_SECRET_KEY": generate_key(),
        "SECRET_KEY": SECRET,
        "API_READS_PER_MINUTE": "1000000",
        "API_WRITES_PER_MINUTE": "1000000",
        "ACCESS_TOKEN_MINUTES": "600",
    }
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--no-control-socket"]
    command += ["--limit-request-line", "0"]  # else it refuses long ones itself, before the API is asked
    with (tmp_path / "gunicorn.log").open("wb") as log:
        process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", "wsgi:app"], env=env, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{url}/health")
        wait_for(f"{url}/api/v1/openapi.json")  # takes seconds where the machine is busy, for which no run waits
        yield url
    finally:
        process.kill()  # nothing of it is needed any more
        process.wait()


def wait_for(url: str, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310  (our own server)
                return
        except OSError:  # refused, or too slow to answer yet
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


@pytest.fixture
def _sales(sessions: sessionmaker[Session], store: ArtifactStore) -> None:
    """14 months of sales, forecast for 6."""
    with sessions() as session:
        load_sales(session, monthly_sales(14, date(2023, 5, 1)))
        train(session, store, candidates=["seasonal_naive"])
        forecast(session, store, horizon=6)
        row = session.scalars(sa.select(Import)).one()
        row.artifact, _, _ = store.put_file("imports", io.BytesIO(SALES_CSV.encode()), ".csv")
        columns = SALES_CSV.splitlines()[0].split(",")
        row.sequence, row.dialect = 1, {"format": "csv", "encoding": "utf-8", "delimiter": ",", "columns": columns}
        session.commit()


@pytest.mark.usefixtures("_sales")
@pytest.mark.parametrize("role", ROLES)
def test_server_keeps_to_its_description(role: str, api: ClientFor, server: str, tmp_path: Path) -> None:
    token = api(role).environ_base["HTTP_AUTHORIZATION"]
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    schemathesis = Path(sys.executable).with_name("schemathesis")
    excluded = [part for name in SIGNS_OUT for part in ("--exclude-name", name)]
    found = subprocess.run(
        [
            *(str(schemathesis), "--config-file", str(config), "run", f"{server}/api/v1/openapi.json"),
            *(
                "--header",
                f"Authorization: {token}",
                "--checks",
                "all",
                "--exclude-checks",
                LEFT_OUT,
                "--max-examples",
                str(EXAMPLES),
            ),
            *(*excluded, "--phases", PHASES),
            *("--continue-on-failure", "--suppress-health-check", "all", "--seed", "1", "--request-timeout", "60"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    log = (tmp_path / "gunicorn.log").read_text(encoding="utf-8")
    assert found.returncode == 0, f"{failures(found.stdout)}\n{found.stderr[-2_000:]}\n{log[-4_000:]}"


def failures(told: str) -> str:
    """What was found, without the bytes of every request."""
    part = told[told.find("= FAILURES =") : told.rfind("= WARNINGS =")]
    return "\n".join(line[:500] for line in part.splitlines())[-50_000:]


def test_methods_that_no_route_has_are_refused(app: Flask, api: ClientFor) -> None:
    client, urls, refused = api("admin"), app.url_map.bind("localhost"), 0
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<.*?>", "1", rule.rule)
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            if path.startswith("/api/v1") and not urls.test(path, method):
                answer = client.open(path, method=method)
                assert_problem(answer, 405, "method-not-allowed")
                assert method not in answer.headers["Allow"].split(", ")
                refused += 1
    assert refused > 200
