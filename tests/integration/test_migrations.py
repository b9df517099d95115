"""The migrations make the tables that the code declares, on every database, and can be taken back."""

from __future__ import annotations

import contextlib
import io
import os
import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from ml.db.base import Base, made_on
from ml.db.session import create_engine, parse_url

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/postgres"


HASH = bytes(16)
FIRST_ROWS: dict[str, dict[str, object]] = {
    "products": {"key": HASH, "code": "P", "name": "", "category": "", "subcategory": ""},
    "series": {
        **{"key": HASH, "location_level": "area", "product_level": "product", "region": "", "territory": ""},
        **{"area": "", "category": "", "subcategory": "", "product_id": 1},
    },
    "imports": {
        **{"filename": "a.csv", "artifact": "a", "sha256": "a", "size": 1, "dialect": "{}", "mapping": "{}"},
        **{"state": "loaded", "created_by": "ann", "created_at": datetime(2026, 1, 1)},
    },
    "sales_raw": {
        **{"row_key": HASH, "sale_date": date(2026, 1, 1), "region": "", "territory": "", "area": "", "product_id": 1},
        **{"sales_amount": 12.5, "sales_qty": 1, "channel": "", "order_ref": "", "series_id": 1, "import_id": 1},
    },
}


def config(connection: sa.Connection | None = None, **arguments: str) -> Config:
    found = Config(cmd_opts=type("Options", (), {"x": [f"{key}={value}" for key, value in arguments.items()]})())
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["connection"] = connection
    return found


@contextlib.contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of a new database; the test is skipped where there is no server for it."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'empty.db'}"
        return
    url = os.environ.get("TEST_DATABASE_URL", POSTGRESQL)
    name = f"forecastle_migrations_{uuid.uuid4().hex[:12]}"
    admin = create_engine(url)
    try:
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
            yield parse_url(url).set(database=name).render_as_string(hide_password=False)
            connection.exec_driver_sql(f"DROP DATABASE {name}")
    except sa.exc.OperationalError:
        pytest.skip(f"no database server at {url}")
    finally:
        admin.dispose()


@pytest.mark.parametrize("kind", ["sqlite", "server"])
def test_upgrade_makes_what_the_code_declares_and_downgrade_leaves_nothing(kind: str, tmp_path: Path) -> None:
    with empty_database(kind, tmp_path) as url:
        engine = create_engine(url)
        with engine.connect() as connection:
            command.upgrade(config(connection), "head")
            connection.commit()
            compared = {"include_object": made_on(connection.dialect.name)}
            differences = compare_metadata(MigrationContext.configure(connection, opts=compared), Base.metadata)
            roles = connection.scalars(sa.text("SELECT name FROM roles ORDER BY name")).all()
            connection.rollback()
            command.downgrade(config(connection), "base")
            connection.commit()
            left = sa.inspect(connection).get_table_names()
        engine.dispose()
    assert differences == []
    assert roles == ["admin", "operator", "planner", "viewer"]
    assert left == ["alembic_version"]


@pytest.mark.parametrize("kind", ["sqlite", "server"])
def test_data_of_the_first_version_survives(kind: str, tmp_path: Path) -> None:
    """Tables are rebuilt while others refer to their rows."""
    with empty_database(kind, tmp_path) as url:
        engine = create_engine(url)
        with engine.connect() as connection:
            command.upgrade(config(connection), "0001")
            for name, row in FIRST_ROWS.items():
                table = sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
                connection.execute(table.insert().values({"id": 1, **row}))
            connection.commit()
            command.upgrade(config(connection), "head")
            found = connection.exec_driver_sql(
                "SELECT i.filename, r.sales_amount FROM sales_raw r JOIN imports i ON i.id = r.import_id"
            ).all()
            enforced = kind != "sqlite" or connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            connection.rollback()
        engine.dispose()
    assert [(name, float(amount)) for name, amount in found] == [("a.csv", 12.5)]
    assert enforced


@pytest.fixture(scope="module")
def tsql() -> list[str]:
    """The statements that the migrations run on SQL Server."""
    out = io.StringIO()
    setup = config(dialect="mssql")
    setup.output_buffer = out
    command.upgrade(setup, "head", sql=True)
    text = re.sub(r"^--.*$", "", out.getvalue(), flags=re.MULTILINE)
    return [part.strip() for part in re.split(r"^GO$|;\n\n", text, flags=re.MULTILINE) if part.strip()]


def test_tsql_uses_only_the_agreed_types(tsql: list[str]) -> None:
    agreed = r"(BIGINT|INTEGER|NVARCHAR\((\d+|max)\)|DATETIME2\(6\)|DATE|BIT|FLOAT\(53\)|NUMERIC\(18, 4\)|BINARY\(16\))"
    column = re.compile(rf"^\s+\[?\w+\]? {agreed}( NOT NULL| NULL)( IDENTITY(\(1,1\))?)?,?$")
    tables = [text for text in tsql if "CREATE TABLE" in text and "alembic_version" not in text]
    dropped = [text for text in tsql if "DROP TABLE" in text]
    assert len(tables) - len(dropped) == len(Base.metadata.tables)
    for text in tables:
        lines = [line.rstrip() for line in text.splitlines()[1:-1] if line.strip() and "CONSTRAINT" not in line]
        assert [line for line in lines if not column.match(line)] == []


def test_tsql_indexes_stay_below_sql_servers_limits(tsql: list[str]) -> None:
    widths: dict[tuple[str, str], int | None] = {}
    for text in tsql:
        if match := re.search(r"CREATE TABLE (\w+)", text):
            for name, size in re.findall(r"^\s+\[?(\w+)\]? NVARCHAR\((\d+|max)\)", text, flags=re.MULTILINE):
                widths[match[1], name] = None if size == "max" else 2 * int(size)
    keys = [re.match(r"CREATE (?:UNIQUE )?INDEX \w+ ON (\w+) \(([^)]*)\)", text) for text in tsql]
    keys += [
        re.match(r"(\w+)\|(.*)", f"{table[1]}|{columns}")
        for text in tsql
        if (table := re.search(r"CREATE TABLE (\w+)", text))
        for columns in re.findall(r"(?:UNIQUE|PRIMARY KEY) \(([^)]*)\)", text)
    ]
    checked = 0
    for key in keys:
        if key is None:
            continue
        sizes = [widths.get((key[1], name.strip(" []")), 8) for name in key[2].split(",")]
        assert None not in sizes, f"index on an NVARCHAR(max): {key[0]}"
        assert sum(size or 0 for size in sizes) <= 1700, key[0]
        checked += 1
    assert checked > 40


def test_tsql_unique_indexes_on_nullable_columns_are_filtered(tsql: list[str]) -> None:
    unique = [text for text in tsql if text.startswith("CREATE UNIQUE INDEX")]
    assert len({re.search(r"ON (\w+)", text)[1] for text in unique}) >= 5
    assert all(re.search(r"WHERE (\w+) IS NOT NULL$", text) for text in unique)
