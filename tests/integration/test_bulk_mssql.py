"""What imports and refreshes send to SQL Server is T-SQL; no server of that kind can be installed here."""

from __future__ import annotations

from datetime import date
from typing import Any, cast

import pytest
from sqlalchemy.dialects import mssql
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, lock_for_writing, move_missing, scratch_table
from ml.db.catalog import Product
from ml.db.sales import SalesRaw
from ml.db.types import HashKey, Name
from ml.pipelines.refresh import refresh_aggregates


class Recorder:
    """Stands for a session and its connection to SQL Server, and keeps the statements."""

    def __init__(self) -> None:
        self.dialect = mssql.dialect(paramstyle="qmark")
        self.texts: list[str] = []
        self.rowcount = 0

    def connection(self) -> Recorder:
        return self

    def execute(self, statement: Any, *_: Any) -> Recorder:
        self.texts.append(" ".join(str(statement.compile(dialect=self.dialect)).split()))
        return self

    def scalar(self, statement: Any) -> None:
        self.execute(statement)

    def exec_driver_sql(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        self.texts += [statement, *map(repr, rows)]


@pytest.fixture
def server() -> Recorder:
    return Recorder()


@pytest.fixture
def session(server: Recorder) -> Session:
    return cast(Session, server)


def test_rows_are_inserted_by_position_and_no_keys_asked_back(server: Recorder, session: Session) -> None:
    insert_rows(session, Product, {"key": [b"k"], "code": ["P-1"], "name": ["Säge"]})
    assert server.texts == [
        "INSERT INTO products ([key], code, name, category, subcategory, supplier) VALUES (?, ?, ?, ?, ?, ?)",
        "(b'k', 'P-1', 'Säge', '', '', '')",
    ]


def test_incoming_rows_move_in_one_statement(server: Recorder, session: Session) -> None:
    with scratch_table(session, "incoming", {"row_key": HashKey, "order_ref": Name(80)}, key=("row_key",)) as incoming:
        move_missing(session, SalesRaw, incoming, "row_key")
    made, moved, dropped = server.texts
    columns = "row_key BINARY(16) NOT NULL, order_ref NVARCHAR(80) NULL, PRIMARY KEY (row_key)"
    assert made == f"CREATE TABLE [#incoming] ( {columns} )"
    assert moved.startswith("INSERT INTO sales_raw (row_key, order_ref) SELECT ")
    assert "FROM [#incoming] WHERE NOT (EXISTS (SELECT ? AS anon_1 FROM sales_raw WHERE" in moved
    assert dropped == "DROP TABLE [#incoming]"


def test_other_writers_are_kept_out_until_the_transaction_ends(server: Recorder, session: Session) -> None:
    lock_for_writing(session, SalesRaw)
    (statement,) = server.texts
    assert "EXEC @got = sp_getapplock @Resource = ?, @LockMode = 'Exclusive', @LockOwner = 'Transaction'" in statement
    assert "IF @got < 0 THROW" in statement


def test_aggregates_group_by_what_they_select(server: Recorder, session: Session) -> None:
    refresh_aggregates(session, date(2024, 1, 1), date(2024, 1, 31))
    week = "CAST(DATEADD(day, -(DATEDIFF(day, 0, sales_agg_daily.sale_date) % 7), sales_agg_daily.sale_date) AS DATE)"
    month = "CONVERT(NVARCHAR(7), sales_agg_daily.sale_date, 126)"
    (weekly,) = [text for text in server.texts if text.startswith("INSERT INTO sales_agg_weekly")]
    (monthly,) = [text for text in server.texts if text.startswith("INSERT INTO sales_agg_monthly")]
    assert f"GROUP BY sales_agg_daily.series_id, {week})" in weekly
    assert f"GROUP BY sales_agg_daily.series_id, {month})" in monthly
    assert "DATEPART(year, anon_2.first_day)" in monthly
    assert "LIMIT" not in "".join(server.texts)
