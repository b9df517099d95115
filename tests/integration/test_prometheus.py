"""What Prometheus reads: who may, requests by route and status, and what the tables tell."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis
from web_fixtures import MakeApp, Rows

from ml.db.base import utc_now
from ml.db.imports import Import
from ml.db.insights import DriftReport
from ml.db.results import ForecastRun, ModelVersion
from ml.settings import ROOT
from webapp.models import Role
from worker import health
from worker.models import JobRun, OutboxEvent, PromisedRun
from worker.supervisor.home import is_free

TOKEN = "read-the-figures-0123"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def client(make_app: MakeApp, rows: Rows) -> FlaskClient:
    rows.add(Role(name="viewer", description=""))
    return make_app(METRICS_TOKEN=TOKEN).test_client()


def read(text: str) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *one.labels.values()): one.value for one in found}


def scrape(client: FlaskClient) -> dict[tuple[str, ...], float]:
    answer = client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain")
    return read(answer.text)


def test_only_the_bearer_of_the_token_may_read(client: FlaskClient, make_app: MakeApp) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers=BEARER).status_code == 200
    closed = make_app().test_client().get("/metrics", headers=BEARER)
    assert closed.status_code == 403
    assert "METRICS_TOKEN" in closed.json["detail"]


def test_requests_are_counted_by_route_and_status(client: FlaskClient) -> None:
    before = scrape(client)
    client.get("/api/v1/jobs/12345")
    client.get("/nowhere/at/all")
    after = scrape(client)

    def more(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert more("forecastle_requests_total", "GET", "/api/v1/jobs/<int:job_id>", "401") == 1
    assert more("forecastle_requests_total", "GET", "none", "404") == 1
    assert more("forecastle_request_seconds_count", "GET", "none") == 1
    assert not any("12345" in part for key in after for part in key)


def test_the_tables_tell_of_jobs_queues_and_events(client: FlaskClient, rows: Rows, redis_client: Redis) -> None:
    now = utc_now()
    ended = {"queue": "ingest", "arguments": {}, "finished_at": now - timedelta(hours=1)}
    for seconds in (10, 20, 30):
        rows.add(
            JobRun(kind="ingest", state="succeeded", **ended, started_at=ended["finished_at"] - timedelta(0, seconds))
        )
    rows.add(
        JobRun(kind="ingest", state="failed", attempt=3, **ended),
        JobRun(kind="ingest", state="failed", **{**ended, "finished_at": now - timedelta(days=2)}),
        JobRun(kind="train", state="queued", queue="train", arguments={}, created_at=now - timedelta(minutes=5)),
        OutboxEvent(name="JobFailed", payload={}, tries=5, created_at=now - timedelta(minutes=9)),
        OutboxEvent(name="JobFailed", payload={}, created_at=now - timedelta(minutes=2)),
        PromisedRun(schedule_id="s", slot=now - timedelta(hours=1), due_at=now - timedelta(hours=1), state="missed"),
    )
    health.report(redis_client, "worker", "w")
    found = scrape(client)
    assert found["forecastle_jobs_ended", "ingest", "succeeded"] == 3
    assert found["forecastle_jobs_ended", "ingest", "failed"] == 1
    assert found["forecastle_job_retries", "ingest"] == 2
    assert found["forecastle_job_seconds", "ingest", "0.5"] == pytest.approx(20)
    assert found["forecastle_job_seconds", "ingest", "1"] == pytest.approx(30)
    assert found["forecastle_queue_jobs", "train", "queued"] == 1
    assert found["forecastle_queue_wait_seconds", "train"] == pytest.approx(300, abs=60)
    assert found["forecastle_queue_wait_seconds", "ingest"] == 0
    assert found["forecastle_events_waiting",] == 1
    assert found["forecastle_event_wait_seconds",] == pytest.approx(120, abs=60)
    assert found["forecastle_events_dead",] == 1
    assert found["forecastle_promised_runs", "missed"] == 1
    assert found["forecastle_process_seen", "worker"] == 1
    assert found["forecastle_process_seen", "relay"] == 0
    assert found["forecastle_database_up",] == found["forecastle_redis_up",] == 1


def test_the_tables_tell_of_data_and_forecasts(client: FlaskClient, rows: Rows) -> None:
    now, today = utc_now(), utc_now().date()
    common = {"filename": "a.csv", "artifact": "a", "sha256": "a", "size": 1, "dialect": {}, "mapping": {}}
    rows.add(Import(**common, state="loaded", finished_at=now - timedelta(hours=2), last_date=today - timedelta(3)))
    rows.add(Import(**common, state="failed", finished_at=now, last_date=today))
    names = {"model_name": "sales-monthly", "model_type": "ridge", "version": 1, "path": "", "metrics": {}}
    levels = {"location_level": "area", "product_level": "product"}
    months = {"data_from": date(2024, 1, 1), "data_to": date(2025, 1, 1), "series_count": 5}
    kept = {"parameters": {}, "features": [], "checksum": "", "libraries": {}}
    rows.add(ModelVersion(id=1, grain="monthly", **names, **levels, **months, **kept))
    run = {"grain": "monthly", "model_id": 1, "as_of": date(2025, 1, 1), "horizon": 6, **levels}
    rows.add(ForecastRun(id=1, **run, state="superseded"))
    published = {"slot": "monthly", "state": "published", "published_at": now - timedelta(hours=3), "series_count": 7}
    rows.add(ForecastRun(id=2, **run, **published))
    level = {"level": "area/product", "wape": 0.2, "expected": 0.15, "bias": -0.05, "coverage": 0.78}
    report = {"model_id": 1, "grain": "monthly", "as_of": date(2025, 1, 1), "reasons": [], "inputs": [], "new_share": 0}
    rows.add(DriftReport(run_id=1, verdict="ok", levels=[], **report))
    rows.add(DriftReport(run_id=2, verdict="retrain", levels=[level], **report))
    found = scrape(client)
    assert found["forecastle_data_loaded_age_seconds",] == pytest.approx(7200, abs=60)
    assert 2 * 86400 <= found["forecastle_data_age_seconds",] < 3 * 86400
    assert found["forecastle_forecast_age_seconds", "monthly"] == pytest.approx(10800, abs=60)
    assert found["forecastle_forecast_series", "monthly"] == 7
    assert found["forecastle_forecast_wape", "monthly", "area/product"] == 0.2
    assert found["forecastle_forecast_coverage", "monthly", "area/product"] == 0.78
    assert found["forecastle_forecast_bias", "monthly", "area/product"] == -0.05
    assert found["forecastle_drift_verdict", "monthly"] == 2


def test_an_empty_database_is_no_error(client: FlaskClient) -> None:
    assert scrape(client)["forecastle_events_waiting",] == 0


def test_metrics_say_what_is_away(make_app: MakeApp, tmp_path: Path) -> None:
    env = {"DATABASE_URL": f"sqlite:///{tmp_path / 'empty.db'}", "REDIS_URL": "unix:///nowhere/redis.sock"}
    found = scrape(make_app(METRICS_TOKEN=TOKEN, **env).test_client())
    assert found["forecastle_database_up",] == found["forecastle_redis_up",] == 0
    assert ("forecastle_events_waiting",) not in found


def test_processes_of_one_server_count_together(database_url: str, redis_url: str, tmp_path: Path) -> None:
    """Of gunicorn, started as the Procfile does; whichever process answers, it tells of all requests."""
    port = next(port for port in range(18700, 18800) if is_free(port))
    own = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "FORECASTLE_HOME": str(tmp_path)}
    own |= {"METRICS_TOKEN": TOKEN, "FORECASTLE_LOG_FORMAT": "json", "SECRET_KEY": "s" * 32, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "gunicorn", "--config", "webapp/serving.py", "--bind", f"127.0.0.1:{port}"]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "wsgi:app"], cwd=ROOT, env={**os.environ, **own}, stdout=log, stderr=log
        )  # fmt: skip
        try:
            for _ in range(200):
                try:
                    urlopen(f"http://127.0.0.1:{port}/health", timeout=10)
                    break
                except OSError:
                    time.sleep(0.2)
            for number in range(40):
                with pytest.raises(HTTPError):
                    urlopen(Request(f"http://127.0.0.1:{port}/api/v1/jobs/{number + 1}"), timeout=30)
            for _ in range(6):
                with urlopen(Request(f"http://127.0.0.1:{port}/metrics", headers=BEARER), timeout=30) as answer:
                    found = read(answer.read().decode())
                assert found["forecastle_requests_total", "GET", "/api/v1/jobs/<int:job_id>", "401"] == 40
        finally:
            running.terminate()
            running.wait(20)
    text = (tmp_path / "log").read_text()
    assert '"message": "GET /api/v1/jobs/40"' in text
    assert TOKEN not in text
    assert not list(tmp_path.glob("forecastle-metrics-*"))


def test_reading_takes_few_statements(client: FlaskClient) -> None:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    scrape(client)
    sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert 5 <= len(seen) <= 12
