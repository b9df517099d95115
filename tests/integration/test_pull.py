"""Pulls: fetched whole, loaded like any import, once; the watermark moves with the rows or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore
from ml.db.imports import Import, Source
from ml.db.sales import SalesRaw
from ml.errors import ConflictError, ForecastleError, MappingError, ShapeError, SourceError, UpstreamError
from ml.pipelines.pull import PullResult, mark_pull_failed, pull_source
from ml.settings import Settings
from tests.source_helpers import PASSWORD, Api, engine_settings, serving
from webapp.errors import InvalidRequestError
from webapp.services import sources as service
from webapp.services.sources import SourceDraft
from worker.errors import JobRequestError
from worker.lease import Leadership
from worker.models import JobRun
from worker.schedule import LEASE
from worker.scheduler import Clock

MAPPING = {"sale_date": "day", "product_code": "sku", "sales_amount": "amount", "line_ref": "id"}


@pytest.fixture
def api() -> Iterator[Api]:
    with serving() as api:
        yield api


@pytest.fixture
def engine_of(tmp_path: Path, api: Api) -> Settings:
    return engine_settings(tmp_path / "sources", f"127.0.0.1:{api.port}")


@pytest.fixture
def source(session: Session, engine_of: Settings, api: Api) -> Source:
    """An API of nine sales, one a day, in pages of four."""
    serve(api, sales(1, 9))
    return service.create_source(session, engine_of, draft(api), "ann")


def draft(api: Api, **changes: Any) -> SourceDraft:
    settings = {
        "url": api.url, "auth": "bearer", "records": "data", "pagination": "page", "since_param": "from",
        "watermark_field": "day", "backoff": 0, "tries": 1, **changes.pop("settings", {}),
    }  # fmt: skip
    return SourceDraft(
        **{
            "name": "Shop",
            "kind": "http",
            "settings": settings,
            "secret": {"token": PASSWORD},
            "mapping": MAPPING,
            **changes,
        }
    )


def sales(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {"id": n, "day": f"2024-01-{n:02}", "sku": f"P-{n % 3}", "amount": 10.5 * n} for n in range(first, last + 1)
    ]


def serve(api: Api, rows: list[dict[str, Any]]) -> None:
    def answer(_path: str, params: dict[str, str]) -> Any:
        new = [row for row in rows if row["day"] >= params.get("from", "")]
        return {"data": new[4 * int(params["page"]) - 4 :][:4]}

    api.answer = answer


def pull(
    session: Session, store: ArtifactStore, engine: Settings, source: Source, job: int, **options: Any
) -> PullResult:
    result = pull_source(session, store, engine, source.id, job_id=job, **options)
    session.commit()
    return result


def count(session: Session, entity: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(entity)) or 0


def test_a_pull_loads_all_once_and_then_what_is_new(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    first = pull(session, store, engine_of, source, 1)
    assert (first.rows_fetched, first.watermark) == (9, "2024-01-09")
    assert first.loaded is not None
    assert (first.loaded.rows_loaded, count(session, SalesRaw)) == (9, 9)
    session.refresh(source)
    assert (source.watermark, source.settings["watermark_kind"]) == ("2024-01-09", "date")
    assert source.settings["shape"]["amount"] == "number"
    serve(api, sales(1, 11))
    second = pull(session, store, engine_of, source, 2)
    assert (second.rows_fetched, second.watermark, count(session, SalesRaw)) == (3, "2024-01-11", 11)
    record = session.get(Import, second.loaded.import_id) if second.loaded else None
    assert record is not None
    assert (record.dialect["format"], record.source_id, record.pulled_by) == ("parquet", source.id, 2)


def test_nothing_new_is_a_success_without_an_import(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    for job in (1, 2, 3, 4):
        pull(session, store, engine_of, source, job)
    assert count(session, Import) == 2  # the second one is of the last day again, the others are of the same
    serve(api, [])
    result = pull(session, store, engine_of, source, 5, full=True)
    assert (result.rows_fetched, result.loaded, result.watermark) == (0, None, "2024-01-09")


def test_an_attempt_after_a_finished_fetch_fetches_nothing_again(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml.pipelines.pull.load_import", lambda *_: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            pull_source(session, store, engine_of, source.id, job_id=7)
    session.rollback()
    asked = len(api.asked)
    assert pull(session, store, engine_of, source, 7).rows_fetched == 9
    assert pull(session, store, engine_of, source, 7).rows_fetched == 9  # and after its end
    assert (len(api.asked), count(session, Import), count(session, SalesRaw)) == (asked, 1, 9)


def test_an_upstream_that_fails_on_the_way_leaves_nothing(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    pull(session, store, engine_of, source, 1)
    good = api.answer
    serve(api, sales(1, 20))
    working = api.answer
    api.answer = lambda path, params: working(path, params) if params["page"] == "1" else (500, {}, b"oops")
    with pytest.raises(UpstreamError, match=r"page=2 was answered: 500 .*oops"):
        pull_source(session, store, engine_of, source.id, job_id=2)
    session.rollback()
    session.refresh(source)
    assert (source.watermark, count(session, Import), count(session, SalesRaw)) == ("2024-01-09", 1, 9)
    api.answer = good
    assert pull(session, store, engine_of, source, 3).rows_fetched == 1


def test_a_changed_shape_is_told_before_anything_is_loaded_and_saving_accepts_it(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    pull(session, store, engine_of, source, 1)
    serve(api, [{**row, "sku": n, "value": 5} for n, row in enumerate(sales(9, 12))])
    with pytest.raises(ShapeError, match="sku was text and is number now"):
        pull_source(session, store, engine_of, source.id, job_id=2)
    session.rollback()
    assert count(session, SalesRaw) == 9
    service.update_source(session, engine_of, source.id, draft(api, secret=None))
    assert source.watermark == "2024-01-09"
    assert pull(session, store, engine_of, source, 3).rows_fetched == 4


def test_what_was_noted_at_the_fetch_is_in_the_report(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    pull(session, store, engine_of, source, 1)
    serve(api, [{**row, "colour": "red"} for row in sales(9, 12)])
    tried = pull(session, store, engine_of, source, 2, dry_run=True).tried or {}
    loaded = pull(session, store, engine_of, source, 3).loaded
    assert loaded is not None
    for notes in (tried["notes"], loaded.notes, (session.get_one(Import, loaded.import_id).report or {})["notes"]):
        assert notes[0] == "Field colour is new."


def test_a_failed_load_leaves_the_watermark_and_is_told_at_its_import(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api, source: Source
) -> None:
    serve(api, [{**row, "amount": "none"} for row in sales(1, 3)])
    with pytest.raises(ForecastleError):
        pull_source(session, store, engine_of, source.id, job_id=1)
    session.rollback()
    mark_pull_failed(session, source.id, "no good rows")
    session.commit()
    record = session.scalars(sa.select(Import)).one()
    session.refresh(source)
    assert (record.state, record.error, source.watermark) == ("failed", "no good rows", None)


def test_sales_without_line_ids_are_read_on_by_their_date_only(
    session: Session, store: ArtifactStore, engine_of: Settings, api: Api
) -> None:
    serve(api, sales(1, 3))
    mapping = {name: column for name, column in MAPPING.items() if name != "line_ref"}
    changed = {"settings": {"watermark_field": "id"}}
    for name, more, fine in (("A", {}, True), ("B", changed, False)):
        source = service.create_source(session, engine_of, draft(api, name=name, mapping=mapping, **more), "ann")
        if fine:
            assert pull(session, store, engine_of, source, 1).rows_fetched == 3
        else:
            with pytest.raises(MappingError, match="Line id"):
                pull_source(session, store, engine_of, source.id, job_id=2)


def test_a_preview_guesses_and_stores_nothing(session: Session, engine_of: Settings, api: Api, source: Source) -> None:
    seen = service.preview_source(session, engine_of, source.id)
    assert seen.columns == ["id", "day", "sku", "amount"]
    assert len(seen.rows) == 9
    assert seen.mapping["sale_date"] == "day"
    assert service.preview_draft(session, engine_of, draft(api, secret=None), source.id).rows == seen.rows
    assert count(session, Import) == 0


def test_stored_credentials_are_not_sent_to_another_address(
    session: Session, engine_of: Settings, api: Api, source: Source
) -> None:
    moved = draft(api, secret=None, settings={"url": "https://elsewhere.example/"})
    with pytest.raises(InvalidRequestError):
        service.update_source(session, engine_of, source.id, moved)
    session.rollback()
    with pytest.raises(InvalidRequestError):
        service.preview_draft(session, engine_of, moved, source.id)


def test_wrong_drafts_are_refused(session: Session, engine_of: Settings, api: Api, source: Source) -> None:
    for wrong, error in (
        (draft(api, name=" "), InvalidRequestError),
        (draft(api, name="Shop"), ConflictError),
        (draft(api, name="B", kind="ftp"), InvalidRequestError),
        (draft(api, name="B", cron="every day"), JobRequestError),
        (draft(api, name="B", settings={"auth": "magic"}), SourceError),
    ):
        with pytest.raises(error):
            service.create_source(session, engine_of, wrong, "ann")
        session.rollback()


def test_one_pull_of_a_source_runs_at_a_time_and_a_source_with_imports_stays(
    session: Session, store: ArtifactStore, engine_of: Settings, source: Source
) -> None:
    job = service.pull_source(session, source.id, "ann")
    assert service.pull_source(session, source.id, "bob").id == job.id
    pull(session, store, engine_of, source, job.id)
    with pytest.raises(ConflictError, match="switch it off"):
        service.delete_source(session, source.id)


@pytest.fixture
def none_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the product's own schedules."""
    monkeypatch.setattr("worker.schedule.SCHEDULE", ())


@pytest.mark.usefixtures("none_built_in")
def test_each_slot_of_the_schedule_asks_once(
    sessions: sessionmaker[Session], session: Session, engine_of: Settings, api: Api, source: Source
) -> None:
    service.update_source(session, engine_of, source.id, draft(api, secret=None, cron="*/5 * * * *"))
    now = [source.updated_at]
    clock = Clock(sessions, Leadership(sessions, LEASE, "one"), "UTC", (), lambda: now[0])
    clock.look()  # what passed before it was saved is not made up for
    assert count(session, JobRun) == 0
    session.commit()
    for minutes in (5, 5, 6):
        now[0] = source.updated_at + timedelta(minutes=minutes)
        clock.look()
    job = session.scalars(sa.select(JobRun)).one()
    assert (job.kind, job.arguments, job.requested_by) == ("pull", {"source_id": source.id}, "schedule")
    job.state = "succeeded"
    session.commit()
    now[0] += timedelta(minutes=5)
    clock.look()
    assert count(session, JobRun) == 2
    source.active = False
    session.execute(sa.update(JobRun).values(state="succeeded"))
    session.commit()
    now[0] += timedelta(minutes=30)
    clock.look()
    assert count(session, JobRun) == 2
