"""Migrations upwards and downwards over tables with rows, one version after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from test_migrations import FIRST_ROWS, MIGRATIONS, config, empty_database

from ml.db.base import Base, made_on
from ml.db.session import create_engine

SALES = "SELECT i.filename, r.sales_amount FROM sales_raw r JOIN imports i ON i.id = r.import_id"
VALUES: tuple[tuple[type[Any], Any], ...] = (
    (sa.Boolean, False),
    (sa.DateTime, datetime(2026, 1, 1, tzinfo=UTC)),
    (sa.Date, date(2026, 1, 1)),
    (sa.LargeBinary, bytes(16)),
    (sa.Integer, 1),
    (sa.Numeric, 1),
    (sa.Float, 1.0),
    (sa.JSON, {}),
)


def value_of(column: sa.Column[Any]) -> Any:
    """Any value that the column takes."""
    kind = column.type
    inner = getattr(kind, "impl_instance", getattr(kind, "impl", kind))
    found = next((value for cls, value in VALUES if isinstance(inner, cls) or isinstance(kind, cls)), None)
    if found is not None:
        return found
    return {} if type(kind).__name__ == "Json" else "x"[: getattr(inner, "length", None) or 1]


def row_of(connection: sa.Connection, table: sa.Table) -> dict[str, Any]:
    """A row with what the table asks for, that refers to rows that are there, and that its checks admit."""
    row = {column.name: value_of(column) for column in table.columns if not column.nullable and column.default is None}
    for key in table.foreign_keys:
        if key.parent.name in row:
            row[key.parent.name] = connection.execute(sa.select(key.column).limit(1)).scalar_one()
    for one in table.constraints:
        if isinstance(one, sa.CheckConstraint):
            text = str(one.sqltext.compile(compile_kwargs={"literal_binds": True}))
            if (match := re.match(r"(\w+) IN \('([^']*)'", text)) and match[1] in row:
                row[match[1]] = match[2]
    return row


def fill(connection: sa.Connection) -> int:
    """A row in every table that has none, of which others need one first; returns how many tables have rows now."""
    for table in Base.metadata.sorted_tables:
        if not connection.execute(sa.select(sa.func.count()).select_from(table)).scalar():
            connection.execute(table.insert().values(row_of(connection, table)))
    connection.commit()
    return len(Base.metadata.sorted_tables)


def revisions() -> list[str]:
    """All of them, the newest first."""
    return [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]


@pytest.fixture(params=["sqlite", "server"])
def connection(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Connection]:
    """A database at the first version, with sales."""
    with empty_database(request.param, tmp_path) as url:
        engine = create_engine(url)
        with engine.connect() as connection:
            command.upgrade(config(connection), "0001")
            for name, row in FIRST_ROWS.items():
                table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
                connection.execute(table.insert().values({"id": 1, **row}))
            connection.commit()
            yield connection
            connection.rollback()
        engine.dispose()


def test_rows_survive_every_version_on_the_way_up_down_and_up(connection: sa.Connection) -> None:
    newest, *older = revisions()
    for revision in [*older[::-1][1:], newest]:
        command.upgrade(config(connection), revision)
        check_sales(connection, revision)
    assert fill(connection) > 40
    for revision in older:
        command.downgrade(config(connection), revision)
        check_sales(connection, revision)
    command.upgrade(config(connection), newest)
    check_sales(connection, newest)
    compared = {"include_object": made_on(connection.dialect.name)}
    assert compare_metadata(MigrationContext.configure(connection, opts=compared), Base.metadata) == []


def check_sales(connection: sa.Connection, revision: str) -> None:
    connection.commit()
    found = connection.exec_driver_sql(SALES).all()
    assert [(name, float(amount)) for name, amount in found] == [("a.csv", 12.5)], revision
    connection.rollback()


def test_each_version_keeps_what_the_one_before_reads_and_writes(tmp_path: Path) -> None:
    """On tables that were there before: every column stays, and what is new is filled in where nobody gives it. The
    first two versions were never installed side by side with another."""
    engine = create_engine(f"sqlite:///{tmp_path / 'steps.db'}")
    with engine.connect() as connection:
        before: dict[str, dict[str, Any]] = {}
        for number, revision in enumerate(reversed(revisions())):
            command.upgrade(config(connection), revision)
            after = columns_of(connection)
            for table, columns in before.items() if number >= 2 else ():
                assert columns.keys() <= after.get(table, {}).keys(), f"{revision}: {table}"
                added = {name: column for name, column in after[table].items() if name not in columns}
                strict = [name for name, column in added.items() if not column["nullable"] and not column["default"]]
                assert not strict, f"{revision}: {table}"
            before = after
            connection.rollback()
    engine.dispose()


def columns_of(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """What the tables look like now."""
    found = sa.inspect(connection).get_multi_columns()
    return {str(table): {column["name"]: column for column in columns} for (_, table), columns in found.items()}


def test_a_new_column_does_not_stop_the_version_before() -> None:
    """Which writes rows without it: it may be null, or the database fills it in."""
    added = re.compile(r"add_column\(\s*(?:\"\w+\",\s*)?sa\.Column\(\s*\"(\w+)\"(.*?)\)\s*\)", re.DOTALL)
    checked = 0
    for path in sorted((MIGRATIONS / "versions").glob("*.py")):
        for name, rest in added.findall(path.read_text(encoding="utf-8").partition("def downgrade")[0]):
            assert "nullable=True" in rest or "server_default" in rest, f"{path.name}: {name}"
            checked += 1
    assert checked > 5
