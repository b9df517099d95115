"""A dry run says what a load would do and loads nothing; policies refuse whole files; old uploads go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.catalog import Product
from ml.db.imports import Import, RejectedRow, Source
from ml.db.sales import SalesRaw
from ml.errors import ConflictError, DataError
from ml.pipelines.dry_run import dry_run
from ml.pipelines.ingest import load_import
from ml.pipelines.prune import prune_uploads
from tests.etl_helpers import HEADER, KINDS, Databases, dump, ingest, sales_csv, upload

LINE = "{},Region 1,State 1,{},{},Name,Group,C-1,O-1,Web,{},1\n"


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Any:
    databases = Databases(tmp_path_factory.mktemp("db"))
    yield databases
    databases.close()


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, databases: Databases) -> Any:
    with databases.session(request.param) as session:
        yield session


def prepare(session: Session, store: ArtifactStore, content: str, policy: dict[str, Any] | None = None) -> int:
    """An uploaded import that waits to be started, under a policy."""
    number = upload(session, store, content)
    session.execute(sa.update(Import).where(Import.id == number).values(state="uploaded", policy=policy))
    session.commit()
    return number


def test_a_dry_run_says_what_the_load_then_does(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, sales_csv(300))
    number = prepare(session, store, sales_csv(400, start=150))
    before = {name: rows for name, rows in dump(session).items() if name not in ("imports", "rejected")}

    report = dry_run(session, store, number)

    assert {name: rows for name, rows in dump(session).items() if name in before} == before
    record = session.get_one(Import, number)
    assert (record.state, record.report, report["dry_run"], report["refusal"]) == ("uploaded", report, True, "")
    result = load_import(session, store, number)
    session.commit()
    assert (report["rows"], report["loaded"], report["unchanged"], report["rejected"]) == (
        result.rows_total, result.rows_loaded, result.rows_unchanged, result.rows_rejected,
    )  # fmt: skip
    loaded = session.get_one(Import, number).report or {}
    assert {key: loaded[key] for key in ("amount", "quantity", "months")} == {
        key: report[key] for key in ("amount", "quantity", "months")
    }
    assert sum(month["rows"] for month in report["months"]) == report["rows"] - report["rejected"]
    assert session.scalar(sa.select(sa.func.count()).where(RejectedRow.import_id == number)) == report["rejected"]
    assert [one["column"] for one in report["examples"]] == ["Date"] * report["rejected"]


def test_new_codes_are_listed_before_they_are_made(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, HEADER + LINE.format("2024-01-31", "City 1", "A", 5))
    content = HEADER + LINE.format("2024-01-31", "City 1", "A", 5) + LINE.format("2024-02-01", "City 2", "B", 7)
    number = prepare(session, store, content)
    report = dry_run(session, store, number)
    assert report["new_products"] == {"count": 1, "codes": ["B"]}
    assert report["new_areas"] == {"count": 1, "codes": ["City 2"]}
    assert (report["loaded"], report["unchanged"], report["amount"]) == (1, 1, 12)
    assert session.scalars(sa.select(Product.code)).all() == ["A"]


def test_a_dry_run_of_an_import_that_was_started_is_refused(session: Session, store: ArtifactStore) -> None:
    with pytest.raises(ConflictError, match="was started already; it is queued"):
        dry_run(session, store, upload(session, store, sales_csv(10)))


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"max_rejected_share": 0.01}, "2 of 100 rows cannot be loaded, the first for row 50, column 'Date'"),
        ({"max_rejected_rows": 1}, "max_rejected_rows allows 1"),
        ({"duplicates": "refuse"}, "8 rows repeat another row of the file; none may"),
        ({"max_age_days": 30, "stale": "refuse"}, "the newest row is of 2023"),
    ],
)
def test_a_policy_refuses_a_whole_file_and_keeps_what_was_rejected(
    session: Session, store: ArtifactStore, policy: dict[str, Any], reason: str
) -> None:
    number = prepare(session, store, sales_csv(100), policy)
    assert reason in dry_run(session, store, number)["refusal"]
    with pytest.raises(DataError, match=r"sales\.csv is refused by the policy") as refused:
        load_import(session, store, number)
    session.rollback()
    assert reason in str(refused.value)
    assert session.scalar(sa.select(sa.func.count()).select_from(SalesRaw)) == 0
    assert session.scalar(sa.select(sa.func.count()).where(RejectedRow.import_id == number)) == 2


def test_repeated_rows_are_dropped_where_the_policy_says_so(session: Session, store: ArtifactStore) -> None:
    number = prepare(session, store, sales_csv(100), {"duplicates": "drop"})
    result = load_import(session, store, number)
    session.commit()
    assert result.rows_loaded == 90
    assert "8 rows repeat another row of the file and are left out." in result.notes


def test_unknown_codes_are_replaced_or_rejected(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, HEADER + LINE.format("2024-01-31", "City 1", "A", 5))
    lines = [LINE.format("2024-02-01", town, item, 1) for town, item in (("Town", "old"), ("City 1", "B"), ("X", "A"))]
    policy = {"unknown_products": "reject", "unknown_areas": "reject", "product_map": {"old": "A"}}
    number = prepare(session, store, HEADER + "".join(lines), policy | {"area_map": {"Town": "City 1"}})
    result = load_import(session, store, number)
    session.commit()
    assert (result.rows_loaded, result.rows_rejected) == (1, 2)
    rejected = session.scalars(sa.select(RejectedRow).order_by(RejectedRow.row_number)).all()
    assert [(row.column, row.value) for row in rejected] == [("Product ID", "B"), ("City", "X")]


def test_a_sudden_volume_is_told_by_the_earlier_imports_of_the_source(session: Session, store: ArtifactStore) -> None:
    source = Source(name="Shop", kind="file")
    session.add(source)
    session.flush()
    number = source.id
    for start in (0, 1_000, 2_000, 3_000):
        last = prepare(session, store, sales_csv(100 if start < 3_000 else 20, start))
        session.execute(sa.update(Import).where(Import.id == last).values(source_id=number))
        session.commit()
        result = load_import(session, store, last)
        session.commit()
        assert any("suddenly few" in note for note in result.notes) == (start == 3_000)


def test_uploads_are_deleted_when_no_import_needs_them(session: Session, store: ArtifactStore) -> None:
    contents = [sales_csv(5, start) for start in (0, 100, 200)]
    old, shared, younger, waiting = (upload(session, store, contents[n]) for n in (0, 1, 1, 2))
    long_ago = utc_now() - timedelta(days=40)
    session.execute(sa.update(Import).values(state="loaded"))
    session.execute(sa.update(Import).where(Import.id != younger).values(created_at=long_ago))
    session.execute(sa.update(Import).where(Import.id == waiting).values(state="queued"))
    session.commit()

    assert prune_uploads(session, store, 30).as_dict() == {"files": 1, "imports": 1, "partial": 0}
    assert prune_uploads(session, store, 30).as_dict() == {"files": 0, "imports": 0, "partial": 0}

    session.expire_all()
    deleted = {number: session.get_one(Import, number).artifact_deleted_at for number in (old, shared, waiting)}
    assert [day is not None for day in deleted.values()] == [True, False, False]
    kept = [store.exists(session.get_one(Import, number).artifact) for number in (old, shared, waiting)]
    assert kept == [False, True, True]
