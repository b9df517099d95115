"""Whatever imports are loaded and taken back, the sales are those of the imports that stayed, and the totals match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Customer, Product
from ml.db.imports import Import
from ml.db.sales import SalesRaw, SalesRepeat, SalesSuperseded
from ml.errors import ConflictError, NotFoundError
from ml.pipelines.effects import MonthEffect, effects
from ml.pipelines.ingest import load_import
from ml.pipelines.refresh import refresh_aggregates
from ml.pipelines.take_back import take_back
from tests.etl_helpers import KINDS, Databases, aggregates, ingest, upload

HEADER = "Date,City,Product ID,Amount,Quantity,Line\n"
Row = tuple[str, str, str, str, str, str]


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with closing(Databases(tmp_path_factory.mktemp("undo"))) as databases:
        yield databases


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Session]:
    with databases.session(request.param) as session:
        yield session


def load(session: Session, store: ArtifactStore, rows: list[Row]) -> int:
    """Import rows whose last cell is the line id, where there is one; returns the import's id."""
    content = HEADER + "".join(",".join(row) + "\n" for row in rows)
    return ingest(session, store, content, line_ref="Line").import_id


def undo(session: Session, import_id: int) -> None:
    take_back(session, import_id, "ann")
    session.commit()


def sales(session: Session) -> list[tuple[object, ...]]:
    """What the rows say."""
    columns = (SalesRaw.sale_date, SalesRaw.area, SalesRaw.sales_amount, SalesRaw.sales_qty, Product.code)
    query = sa.select(SalesRaw.row_key, *columns).join(Product).order_by(SalesRaw.row_key)
    return [tuple(row) for row in session.execute(query)]


def expected(imports: list[list[Row]]) -> list[tuple[object, ...]]:
    """What a plain loop leaves of the rows of imports, in their order, without their keys."""
    lines: dict[str, Row] = {}
    counted: set[tuple[Row, int]] = set()
    for rows in imports:
        lines |= {row[5]: row for row in rows if row[5]}
        # Rows with a line id count among the equal rows of their file, too: a key says which one of them it is.
        places: Counter[Row] = Counter()
        for row in rows:
            bare = (*row[:5], "")
            places[bare] += 1
            if not row[5]:
                counted.add((bare, places[bare]))
    left = [*lines.values(), *(row for row, _ in counted)]
    return sorted(
        (date.fromisoformat(day), area, float(amount), float(qty), code) for day, area, code, amount, qty, _ in left
    )


def assert_totals_match(session: Session) -> None:
    moved = aggregates(session)
    refresh_aggregates(session)
    session.commit()
    rebuilt = aggregates(session)
    dates = [(number, first, last) for number, first, last in rebuilt["series"]]
    assert moved == {**rebuilt, "series": dates}


ROWS = st.tuples(
    st.sampled_from(["2024-01-31", "2024-02-01", "2024-02-04", "2024-12-30"]),
    st.sampled_from(["Ayton", "Byfield"]),
    st.sampled_from(["P", "Q"]),
    st.sampled_from(["1.1", "2.2", "-1.1", "0.0001"]),
    st.sampled_from(["1", "0.5"]),
    st.sampled_from(["", "", "L1", "L2", "L3"]),
)
STEPS = st.lists(
    st.one_of(st.lists(ROWS, min_size=1, max_size=6), st.integers(min_value=0, max_value=7)), min_size=1, max_size=9
)


@pytest.mark.usefixtures("tsql_elsewhere")
@pytest.mark.parametrize("kind", KINDS)
@seed(3)
@settings(max_examples=40, database=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_imports_and_undos_leave_what_the_imports_that_stayed_leave(
    databases: Databases, store: ArtifactStore, kind: str, steps: list[list[Row] | int]
) -> None:
    with databases.session(kind) as session:
        kept: dict[int, list[Row]] = {}
        for step in steps:
            if isinstance(step, list):
                kept[load(session, store, step)] = step
            elif kept:
                import_id = list(kept)[step % len(kept)]
                told = effects(session, session.get_one(Import, import_id))
                result = take_back(session, import_id, "ann")
                session.commit()
                assert (told.removed, told.restored) == (result.removed, result.restored)
                assert told.kept == result.kept
                del kept[import_id]
            assert sorted(row[1:] for row in sales(session)) == expected(list(kept.values()))
            assert_totals_match(session)
        for import_id in kept:
            undo(session, import_id)
        for entity in (SalesRaw, SalesSuperseded, SalesRepeat):
            assert session.scalar(sa.select(sa.func.count()).select_from(entity)) == 0


def test_a_replaced_row_comes_back_and_the_effects_are_told_first(session: Session, store: ArtifactStore) -> None:
    first = load(session, store, [("2024-01-31", "Ayton", "P", "5", "1", "L1")])
    rows = [("2024-02-29", "Ayton", "P", "7", "1", "L1"), ("2024-02-29", "B", "P", "1", "1", "")]
    second = load(session, store, rows)
    record = session.get_one(Import, second)
    assert (record.rows_loaded, record.rows_changed) == (2, 1)
    assert session.get_one(Import, first).sequence < record.sequence  # type: ignore[operator]
    told = effects(session, record)
    assert (told.removed, told.restored, told.kept) == (2, 1, 0)
    assert (told.series, told.days, told.weeks, told.months, told.stale_runs) == (2, 2, 2, 2, ())
    assert told.by_month == (MonthEffect(date(2024, 2, 1), 2, 8.0),)
    result = take_back(session, second, "ann")
    session.commit()
    assert (result.first_date, result.last_date) == (date(2024, 1, 31), date(2024, 2, 29))
    assert [row[1:] for row in sales(session)] == [(date(2024, 1, 31), "Ayton", 5, 1, "P")]
    assert (record.state, record.undone_by) == ("undone", "ann")
    assert record.undone_at is not None


def test_rows_that_another_import_holds_stay_and_are_its_own(session: Session, store: ArtifactStore) -> None:
    rows = [("2024-01-31", "Ayton", "P", "5", "1", ""), ("2024-01-31", "Ayton", "Q", "6", "1", "")]
    first, second = load(session, store, rows), load(session, store, rows[:1])
    assert session.get_one(Import, second).rows_unchanged == 1
    assert take_back(session, first, "ann").kept == 1
    session.commit()
    assert session.scalars(sa.select(SalesRaw.import_id)).all() == [second]


def test_taking_back_twice_changes_nothing_more(session: Session, store: ArtifactStore) -> None:
    import_id = load(session, store, [("2024-01-31", "Ayton", "P", "5", "1", "")])
    once = take_back(session, import_id, "ann")
    session.commit()
    assert take_back(session, import_id, "bob") == once
    assert session.get_one(Import, import_id).undone_by == "ann"


def test_what_was_taken_back_loads_again_as_a_new_import_only(session: Session, store: ArtifactStore) -> None:
    rows = [("2024-01-31", "Ayton", "P", "5", "1", "")]
    import_id = load(session, store, rows)
    undo(session, import_id)
    with pytest.raises(ConflictError, match="upload its file again"):
        load_import(session, store, import_id)
    load(session, store, rows)
    assert len(sales(session)) == 1


def test_an_import_that_is_not_loaded_is_refused(session: Session, store: ArtifactStore) -> None:
    with pytest.raises(NotFoundError):
        take_back(session, 99, "ann")
    import_id = upload(session, store, HEADER + "2024-01-31,A,P,5,1,\n")
    with pytest.raises(ConflictError, match="is queued"):
        take_back(session, import_id, "ann")


def test_the_last_of_equal_line_ids_in_a_file_counts(session: Session, store: ArtifactStore) -> None:
    rows = [("2024-01-31", "Ayton", "P", amount, "1", "L1") for amount in ("5", "6", "7")]
    load(session, store, rows)
    assert [row[3] for row in sales(session)] == [7]
    assert session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 0
