"""Many rows are written the quick way of each database, and staged rows move once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import Session

from ml.db import bulk
from ml.db.bulk import copy_out, in_lists, insert_rows, lock_for_writing, move_missing
from ml.db.catalog import Product
from ml.db.functions import week_start, year_month
from ml.db.imports import Import, RejectedRow
from ml.db.sales import SalesDaily
from tests.etl_helpers import KINDS, Databases


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with closing(Databases(tmp_path_factory.mktemp("etl"))) as databases:
        yield databases


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Session]:
    with databases.session(request.param) as session:
        yield session


def products(codes: list[str]) -> dict[str, list[object]]:
    names = [f"Größe\t{code}\\N" for code in codes]
    return {
        "key": [code.encode().ljust(16, b"\0") for code in codes],
        "code": codes,
        "name": names,
        "category": [""] * len(codes),
        "subcategory": [""] * len(codes),
        "supplier": [""] * len(codes),
    }


def test_rows_come_back_as_they_were_written_over_several_chunks(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 7)
    codes = [f"P-{number}" for number in range(20)]
    assert insert_rows(session, Product, products(codes)) == 20
    found = session.execute(sa.select(Product.key, Product.code, Product.name).order_by(Product.id)).all()
    assert [row.code for row in found] == codes
    assert found[3] == (b"P-3".ljust(16, b"\0"), "P-3", "Größe\tP-3\\N")


def test_values_of_every_type_are_converted(session: Session) -> None:
    at = datetime(2024, 1, 31, 10, 30, tzinfo=UTC)
    columns = {
        "filename": ["a.csv"], "artifact": ["x"], "sha256": ["y"], "size": [1 << 40], "dialect": [{"ä": 1}],
        "mapping": [{}], "state": ["loaded"], "created_by": [""], "created_at": [at], "first_date": [date(2024, 1, 31)],
        "report": [None],
    }  # fmt: skip
    insert_rows(session, Import, columns)
    found = session.scalars(sa.select(Import)).one()
    assert (found.size, found.dialect, found.created_at) == (1 << 40, {"ä": 1}, at)
    assert (found.first_date, found.report) == (date(2024, 1, 31), None)
    row = {
        "import_id": [found.id],
        "row_number": [1],
        "column": ["a"],
        "value": [""],
        "reason": ["b"],
        "row": [{"a": "1"}],
    }
    insert_rows(session, RejectedRow, row)
    assert session.scalars(sa.select(RejectedRow.row)).one() == {"a": "1"}


def test_no_rows_are_written_where_none_are_given(session: Session) -> None:
    assert insert_rows(session, Product, products([])) == insert_rows(session, Product, {}) == 0


def test_columns_of_different_length_are_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="columns of one length"):
        insert_rows(session, Product, {"code": ["a", "b"], "name": ["c"]})


def test_a_move_takes_only_rows_that_are_new(session: Session) -> None:
    insert_rows(session, Product, products(["A", "B"]))
    rows = [sa.select(*(sa.literal(v[0]).label(k) for k, v in products([code]).items())) for code in ("B", "C", "D")]
    source = sa.union_all(*rows).subquery()
    lock_for_writing(session, Product)
    assert move_missing(session, Product, source, "key") == 2
    assert move_missing(session, Product, source, "key") == 0
    assert sorted(session.scalars(sa.select(Product.code))) == ["A", "B", "C", "D"]


def test_in_lists_stay_short() -> None:
    pieces = list(in_lists(list(range(1_201))))
    assert [len(piece) for piece in pieces] == [500, 500, 201]


@pytest.mark.parametrize(
    ("day", "monday"),
    [
        (date(2024, 1, 1), date(2024, 1, 1)),
        (date(2024, 1, 7), date(2024, 1, 1)),
        (date(2023, 1, 1), date(2022, 12, 26)),
        (date(1970, 1, 1), date(1969, 12, 29)),
    ],
)
def test_weeks_begin_on_monday_and_months_are_named(session: Session, day: date, monday: date) -> None:
    value = sa.literal(day, sa.Date())
    assert session.execute(sa.select(week_start(value), year_month(value))).one() == (monday, f"{day:%Y-%m}")


def test_the_functions_compile_for_sql_server() -> None:
    query = sa.select(week_start(SalesDaily.sale_date), year_month(SalesDaily.sale_date))
    text = str(query.compile(dialect=mssql.dialect()))
    day = "sales_agg_daily.sale_date"
    assert f"CAST(DATEADD(day, -(DATEDIFF(day, 0, {day}) % 7), {day}) AS DATE)" in text
    assert f"CONVERT(NVARCHAR(7), {day}, 126)" in text


def test_rows_come_out_as_csv_where_the_database_copies(session: Session) -> None:
    insert_rows(session, Product, products(["a'b", 'c"d', "e,f", "%s"]))
    query = sa.select(Product.code, sa.literal(date(2024, 2, 29)), sa.literal(0.1)).order_by(Product.code)
    found = copy_out(session, query.where(Product.code.in_(["a'b", 'c"d', "%s"])))
    if session.get_bind().dialect.name != "postgresql":
        assert found is None
        return
    assert found is not None
    rows = sorted(csv.reader(found.read().decode().splitlines()))
    assert rows == [[code, "2024-02-29", "0.1"] for code in ("%s", "a'b", 'c"d')]
