"""Pulls as jobs: in the name of who asked, and tried out before anything is loaded."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from ml.db.imports import Import, Source
from ml.db.sales import SalesRaw
from worker.context import Services
from worker.lifecycle import Attempt
from worker.models import JobRun, OutboxEvent
from worker.pulls import request_pull
from worker.queues import request_job
from worker.runner import execute

MAPPING = {"sale_date": "day", "product_code": "sku", "sales_amount": "amount", "line_ref": "id"}
Sell = Callable[..., None]


@pytest.fixture
def sell(tmp_path: Path) -> Sell:
    """Writes rows (id, day, sku, amount) into the shop's database."""
    (tmp_path / "sources").mkdir()

    def write(*lines: tuple[int, str, str, object]) -> None:
        with sqlite3.connect(tmp_path / "sources" / "shop.db") as database:
            database.execute("CREATE TABLE IF NOT EXISTS sales (id INTEGER PRIMARY KEY, day TEXT, sku TEXT, amount)")
            database.executemany("INSERT OR REPLACE INTO sales VALUES (?, ?, ?, ?)", lines)

    write((1, "2024-01-03", "P-1", 10.5), (2, "2024-01-04", "P-2", 3.0))
    return write


@pytest.fixture
def source(services: Services, sell: Sell, tmp_path: Path) -> int:
    """The shop as a source that is read on by its line ids."""
    url = f"sqlite:///{tmp_path / 'sources' / 'shop.db'}"
    settings = {"url": url, "table": "sales", "watermark_column": "id"}
    with services.sessions() as session:
        row = Source(name="shop", kind="sql", settings=settings, mapping=MAPPING)
        session.add(row)
        session.commit()
        return row.id


def pull(services: Services, source_id: int, user: str = "ann", **options: bool) -> JobRun:
    """Ask for a pull and do it."""
    with services.sessions() as session:
        job = request_pull(session, source_id, requested_by=user, **options)
        session.commit()
    return run(services, job)


def start(services: Services, import_id: int) -> JobRun:
    """Load an import."""
    with services.sessions() as session:
        job = request_job(session, "ingest", {"import_id": import_id})
        session.commit()
    return run(services, job)


def run(services: Services, job: JobRun) -> JobRun:
    with services.sessions() as session:
        session.execute(sa.update(JobRun).where(JobRun.id == job.id).values(dispatched_at=job.created_at))
        session.commit()
    execute(Attempt(job.id, 1), services)
    with services.sessions() as session:
        return session.get_one(JobRun, job.id)


def amounts(services: Services) -> list[float]:
    with services.sessions() as session:
        return [float(amount) for amount in session.scalars(sa.select(SalesRaw.sales_amount).order_by(SalesRaw.id))]


def watermark(services: Services) -> str | None:
    with services.sessions() as session:
        return session.scalars(sa.select(Source.watermark)).one()


def imports(services: Services) -> list[Import]:
    with services.sessions() as session:
        return list(session.scalars(sa.select(Import).order_by(Import.id)))


def test_an_import_says_who_asked_for_its_pull(services: Services, source: int, sell: Sell) -> None:
    assert pull(services, source).state == "succeeded"
    sell((3, "2024-01-05", "P-1", 1.0))
    pull(services, source, "schedule")
    assert [row.created_by for row in imports(services)] == ["ann", "schedule"]


def test_a_dry_run_reports_and_loads_nothing(services: Services, source: int, sell: Sell) -> None:
    pull(services, source)
    sell((2, "2024-01-04", "P-2", 4.0), (3, "2024-01-05", "P-9", 1.0), (4, "2024-01-06", "P-1", "much"))
    with services.sessions() as session:
        session.execute(sa.delete(OutboxEvent))
        session.commit()
    job = pull(services, source, dry_run=True)
    assert job.state == "succeeded", job.error
    assert job.result is not None
    row = imports(services)[-1]
    told = {name: job.result[name] for name in ("import_id", "source_id", "rows_fetched", "watermark")}
    assert told == {"import_id": row.id, "source_id": source, "rows_fetched": 3, "watermark": "2"}
    counts = [job.result[name] for name in ("rows", "loaded", "changed", "unchanged", "rejected", "dry_run")]
    assert counts == [3, 2, 1, 0, 1, True]
    assert job.result["new_products"] == {"count": 1, "codes": ["P-9"]}
    assert row.report == {name: job.result[name] for name in row.report or {}}
    assert (row.state, row.created_by, row.source_id) == ("uploaded", "ann", source)
    assert (watermark(services), amounts(services)) == ("2", [10.5, 3.0])
    with services.sessions() as session:
        assert session.scalars(sa.select(OutboxEvent)).all() == []


def test_what_was_tried_can_be_loaded_and_moves_the_watermark(services: Services, source: int) -> None:
    tried = pull(services, source, dry_run=True).result or {}
    assert (watermark(services), amounts(services)) == (None, [])
    assert start(services, tried["import_id"]).state == "succeeded"
    assert (watermark(services), amounts(services)) == ("2", [10.5, 3.0])
    assert (pull(services, source).result or {})["rows_unchanged"] == 1


def test_a_pull_after_a_dry_run_loads_the_same_rows(services: Services, source: int) -> None:
    pull(services, source, dry_run=True)
    assert (pull(services, source).result or {})["rows_loaded"] == 2
    assert (pull(services, source).result or {})["rows_unchanged"] == 1  # the row at the watermark comes again
    assert (pull(services, source, dry_run=True, full=True).result or {})["unchanged"] == 2
    for dry_run in (False, True):
        nothing = {"source_id": source, "rows_fetched": 1, "watermark": "2"}
        assert pull(services, source, dry_run=dry_run).result == nothing


def test_what_was_tried_is_not_loaded_over_newer_rows(services: Services, source: int, sell: Sell) -> None:
    tried = pull(services, source, dry_run=True).result or {}
    sell((2, "2024-01-04", "P-2", 99.0), (3, "2024-01-05", "P-1", 1.0))
    pull(services, source)
    late = start(services, tried["import_id"])
    assert late.state == "failed"
    assert "pull the source again" in (late.error or "")
    assert (watermark(services), amounts(services)) == ("3", [10.5, 99.0, 1.0])


def test_a_dry_run_that_fails_leaves_its_import_and_a_pull_under_way_as_they_are(
    services: Services, source: int
) -> None:
    with services.sessions() as session:
        session.execute(sa.update(Source).values(mapping={**MAPPING, "region": "land"}))
        running = Import(
            filename="p", artifact="a", sha256="", size=1, dialect={}, mapping={}, state="running",
            source_id=source, pulled_by=99,
        )  # fmt: skip
        session.add(running)
        session.commit()
    job = pull(services, source, dry_run=True)
    assert (job.state, "land" in (job.error or "")) == ("failed", True)
    assert [row.state for row in imports(services)] == ["running", "uploaded"]


def test_a_dry_run_and_a_pull_do_not_stand_for_each_other(services: Services, source: int) -> None:
    with services.sessions() as session:
        tried, pulled = request_pull(session, source, dry_run=True), request_pull(session, source)
        assert tried.id != pulled.id
        assert request_pull(session, source, dry_run=True).id == tried.id
        assert request_pull(session, source).id == pulled.id
