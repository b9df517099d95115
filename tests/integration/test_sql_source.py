"""Rows of real databases: as text, from a watermark on, and never written to."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from ml.errors import SourceError, UpstreamError
from ml.etl.sources import databases
from ml.etl.sources.chunks import Connection, Watermark
from ml.etl.sources.extractors import LAYOUTS, Extract
from ml.etl.sources.pulled import checked_settings, split_secret
from ml.etl.sources.readonly import check_query
from ml.etl.sources.sql import SqlSettings, select
from ml.secrets import Secret
from tests.source_helpers import PASSWORD, engine_settings, rows_of

KINDS = ("sqlite", "postgresql", "mariadb")
MARIADB_SOCKET = "/run/mysqld/mysqld.sock"
POSTGRESQL = "postgresql+psycopg://root@127.0.0.1:5432/test"


@dataclass
class Site:
    """Somebody else's database, as its owner (`admin`) and as a source see it."""

    kind: str
    admin: sa.Engine
    url: str
    folder: Path

    def connection(self, **settings: Any) -> Connection:
        secret = Secret({"password": PASSWORD} if self.kind != "sqlite" else {})
        return Connection("sql", {"url": self.url, **settings}, secret, engine_settings(self.folder))

    def run(self, *statements: str) -> None:
        with self.admin.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def server(kind: str, name: str) -> Iterator[tuple[str, str]]:
    """A database and a user `name` that owns it: the address of its owner, and that for the source."""
    if kind == "postgresql":
        admin_url, host = POSTGRESQL, "127.0.0.1:5432"
        make = [f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'", f"CREATE DATABASE {name} OWNER {name}"]
        drop = [f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}"]
    else:
        admin_url, host = f"mysql+pymysql://root@localhost/mysql?unix_socket={MARIADB_SOCKET}", "127.0.0.1:3306"
        make = [
            f"CREATE DATABASE {name}",
            f"CREATE USER {name}@'%%' IDENTIFIED BY '{PASSWORD}'",
            f"GRANT ALL ON {name}.* TO {name}@'%%'",
        ]
        drop = [f"DROP DATABASE {name}", f"DROP USER {name}@'%%'"]
    admin = sa.create_engine(admin_url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    try:
        connection = admin.connect()
    except sa.exc.OperationalError:
        pytest.skip(f"no {kind} server on this machine")
    with connection:
        for statement in make:
            connection.exec_driver_sql(statement)
        try:
            owner = sa.make_url(admin_url).set(database=name)
            yield owner.render_as_string(hide_password=False), f"{kind}://{name}@{host}/{name}"
        finally:
            for statement in drop:
                connection.exec_driver_sql(statement)


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A database with three orders."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            admin_url = url = f"sqlite:///{tmp_path / 'erp.db'}"
        else:
            name = f"forecastle_source_{os.getpid()}_{uuid.uuid4().hex[:6]}"
            admin_url, url = stack.enter_context(server(request.param, name))
        admin = sa.create_engine(admin_url, poolclass=sa.pool.NullPool)
        site = Site(request.param, admin, url, tmp_path)
        orders = sa.Table(
            "orders", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("day", sa.Date),
            sa.Column("amount", sa.Numeric(12, 2)), sa.Column("note", sa.String(50)), sa.Column("changed", sa.DateTime),
        )  # fmt: skip
        orders.create(admin)
        with admin.begin() as connection:
            connection.execute(
                orders.insert(),
                [
                    {"id": n, "day": date(2024, 1, n), "amount": Decimal("10.50") * n,
                     "note": "50 % : ümlaut" if n == 1 else None, "changed": datetime(2024, 2, 1, 8, 30 * (n // 2))}
                    for n in (1, 2, 3)
                ],
            )  # fmt: skip
        if request.param == "postgresql":
            owner = sa.make_url(url).username
            site.run(f"ALTER TABLE orders OWNER TO {owner}")
        yield site
        admin.dispose()


def test_a_table_comes_as_text(site: Site) -> None:
    rows, reading = rows_of(site.connection(table="orders", watermark_column="id"))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["note"] == "50 % : ümlaut"
    assert (rows[1]["day"], rows[1]["amount"].rstrip("0").rstrip("."), rows[1]["note"]) == ("2024-01-02", "21", "")
    assert reading.watermark == Watermark("integer", "3")


def test_a_query_comes_from_the_watermark_on_ties_included(site: Site) -> None:
    query = "SELECT id, changed, 'a:b 10%' AS label FROM orders WHERE id > 0"
    source = site.connection(query=query, watermark_column="changed")
    rows, reading = rows_of(source)
    assert (len(rows), rows[0]["label"]) == (3, "a:b 10%")
    again, after = rows_of(source, reading.watermark)
    assert sorted(row["id"] for row in again) == ["2", "3"]  # both of 08:30
    assert after.watermark == reading.watermark
    nothing, empty = rows_of(source, Watermark(reading.watermark.kind, "2030-01-01T00:00:00"))  # type: ignore[union-attr]
    assert nothing == []
    assert empty.watermark.text == "2030-01-01T00:00:00"  # type: ignore[union-attr]


def test_rows_without_a_watermark_come_every_time(site: Site) -> None:
    """An order that was never changed has no time of its change in many databases."""
    site.run("INSERT INTO orders (id, day, amount) VALUES (4, '2024-01-04', 42)")
    source = site.connection(table="orders", watermark_column="changed")
    _, reading = rows_of(source)
    again, after = rows_of(source, reading.watermark)
    assert sorted(row["id"] for row in again) == ["2", "3", "4"]
    assert after.watermark == reading.watermark


def test_a_preview_reads_no_further_than_it_shows(site: Site) -> None:
    assert len(rows_of(site.connection(table="orders"), limit=2)[0]) == 2
    joined = ["SELECT o0.id FROM orders o0", *(f"orders o{n}" for n in range(1, 15))]  # 14 million rows
    start = time.monotonic()
    assert len(rows_of(site.connection(query=", ".join(joined)), limit=2)[0]) == 2
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "SELECT 1; DELETE FROM orders",
        "SELECT 1 DELETE FROM orders",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "SELECT * INTO copy FROM orders",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT load_file('/etc/passwd')",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM OPENROWSET('SQLNCLI', 'x', 'y')",
        "SELECT 1 /*! INTO OUTFILE '/tmp/x' */",
        "SELECT 'a\\' OR 'b'",
        "SELECT $$x$$",
        "SELECT 'open",
        "",
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mysql", "mssql"])
def test_a_query_that_may_write_is_refused(query: str, dialect: str) -> None:
    with pytest.raises(SourceError):
        check_query(query, dialect)


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ("postgresql", "SELECT ARRAY[pg_read_file('/etc/passwd')]"),  # brackets quote nothing there
        ("postgresql", "SELECT (ARRAY['x'])[(SELECT 1 FROM dblink_exec('', 'DELETE FROM orders'))]"),
        ("postgresql", "SELECT \"dblink_exec\" /* */ ('', 'DELETE FROM orders')"),
        ("postgresql", "SELECT public.\"pg_read_file\"('/etc/passwd')"),
        ("postgresql", "SELECT U&\"pg!005fread_file\" UESCAPE '!' ('/etc/passwd')"),
        ("postgresql", "SELECT 1 ` (SELECT lo_unlink(1)) ` 2"),
        ("postgresql", "SELECT * FROM ts_stat('SELECT dblink_exec(1)')"),
        ("mysql", "SELECT `load_file`('/etc/passwd')"),
        ("mssql", "SELECT * FROM [sys].[fn_xe_file_target_read_file]('//host/share', null, null, null)"),
        ("sqlite", "SELECT [load_extension] ('x')"),
    ],
)
def test_quotes_of_another_database_hide_nothing(dialect: str, query: str) -> None:
    with pytest.raises(SourceError):
        check_query(query, dialect)


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ("postgresql", "SELECT tags[1], ARRAY['a', 'drop'] FROM \"update\" WHERE \"set\" IN (1, 2)"),
        ("mysql", 'SELECT `update`, "it; drop" FROM `set`'),
        ("mssql", "SELECT [o].[update], [dbo].[net]([o].[amount]) FROM [Orders] [o]"),
    ],
)
def test_quoted_names_and_user_functions_pass(dialect: str, query: str) -> None:
    assert check_query(query, dialect) == query


def test_a_query_that_only_reads_passes() -> None:
    for query in (
        "select id, replace(note, 'delete', '') from orders -- update; drop\n",
        'WITH o AS (SELECT "update", [set] FROM t) SELECT * FROM o;',
        "SELECT 'it''s; DROP TABLE x' /* insert */ AS a",
    ):
        assert check_query(query, "sqlite") == query.strip().rstrip(";").rstrip()


def test_the_transaction_is_read_only_even_where_the_check_is_passed(site: Site) -> None:
    """The second lock: the same connection that sources are read with."""
    source = site.connection()
    url = databases.parse_url(site.url)
    with (
        pytest.raises((SourceError, UpstreamError), match=r"(?i)read.?only"),
        databases.reading(url, source.secret, source.engine, 10) as connection,
    ):
        connection.exec_driver_sql("DELETE FROM orders")
    with site.admin.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM orders").scalar() == 3


def test_a_statement_has_its_time(site: Site) -> None:
    numbers = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(6))
    crossed = ", ".join(f"({numbers}) t{i}" for i in range(14))
    query = "SELECT sum(t0.n) AS total FROM " + crossed  # noqa: S608
    with pytest.raises(UpstreamError, match="failed"):
        rows_of(site.connection(query=query, timeout=1))


def test_a_wrong_password_is_told_without_it(site: Site) -> None:
    if site.kind == "sqlite":
        pytest.skip("SQLite knows no passwords")
    source = site.connection(table="orders")
    wrong = "wr0ng-passw0rd-4711"
    engine = source.engine
    if site.kind == "postgresql":  # this server trusts local users: another port is no server at all
        source = Connection(
            "sql", {**source.settings, "url": site.url.replace("5432", "1")}, Secret(password=wrong), engine
        )
    else:
        source = Connection("sql", source.settings, Secret(password=wrong), engine)
    with pytest.raises(UpstreamError) as caught:
        rows_of(source)
    assert wrong not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_unknown_table_is_told(site: Site) -> None:
    with pytest.raises((SourceError, UpstreamError), match="nowhere"):
        rows_of(site.connection(table="nowhere"))


def test_an_extract_joins_orders_lines_and_items(site: Site) -> None:
    site.run(
        "CREATE TABLE heads (id INTEGER, no VARCHAR(20), odate DATE, status VARCHAR(10), city VARCHAR(20))",
        "CREATE TABLE sales_order_lines (id INTEGER, order_id INTEGER, item_id INTEGER, quantity INTEGER, price INT)",
        "CREATE TABLE items (id INTEGER, code VARCHAR(20), name VARCHAR(20), category VARCHAR(20))",
        "INSERT INTO heads VALUES (1, 'O-1', '2024-01-05', 'shipped', 'Ayton')",
        "INSERT INTO heads VALUES (2, 'O-2', '2024-01-06', 'draft', 'Corby')",
        "INSERT INTO sales_order_lines VALUES (10, 1, 5, 2, 30), (11, 1, 6, 1, 7), (12, 2, 5, 9, 9)",
        "INSERT INTO items VALUES (5, 'P-5', 'Saw', 'Tools'), (6, 'P-6', 'Nail', 'Parts')",
    )
    if site.kind == "postgresql":
        owner = sa.make_url(site.url).username
        site.run(*(f"GRANT SELECT ON {table} TO {owner}" for table in ("heads", "sales_order_lines", "items")))
    columns = {
        "order_ref": "header.no", "sale_date": "header.odate", "area": "header.city", "sales_amount": "",
        "unit_price": "line.price",
        **dict.fromkeys(("customer_code", "region", "territory", "channel", "changed_at"), ""),
    }  # fmt: skip
    extractor = {"tables": {"header": "heads"}, "columns": columns, "statuses": ["shipped"]}
    settings = {"extract": "sales_orders", "extractor": extractor, "watermark_column": "line_ref"}
    rows, reading = rows_of(site.connection(**settings))
    assert [(row["line_ref"], row["product_code"], row["sales_qty"], row["unit_price"]) for row in rows] == [
        ("10", "P-5", "2", "30"),
        ("11", "P-6", "1", "7"),
    ]
    assert reading.watermark == Watermark("integer", "11")
    mapping = Extract.of(settings).mapping
    assert mapping["sales_amount"] == {"left": "sales_qty", "op": "*", "right": "unit_price"}


@pytest.mark.parametrize("extract", LAYOUTS)
def test_every_extract_compiles_for_sql_server(extract: str) -> None:
    settings = {"url": "mssql://reader@erp/db", "extract": extract, "extractor": {"schema": "dbo"}}
    asked = SqlSettings.of(settings)
    text = str(select(asked, Watermark("datetime", "2024-01-01T00:00:00")).compile(dialect=mssql.dialect()))  # type: ignore[attr-defined]
    assert "dbo.items AS item" in text
    assert "ORDER BY changed_at" in text


@pytest.mark.parametrize(
    "url",
    [
        "oracle://u@h/d",
        "nonsense",
        "mysql://u@h/d?local_infile=1",
        "mysql://u@h/d?read_default_file=/etc/my.cnf",
        "postgresql://u@h/d?options=-c%20default_transaction_read_only=off",
        "mssql://u@h/d?odbc_connect=DRIVER=x",
    ],
)
def test_addresses_with_more_than_an_address_are_refused(url: str) -> None:
    with pytest.raises(SourceError):
        checked_settings("sql", {"url": url, "table": "orders"})


def test_the_password_of_an_address_becomes_a_credential() -> None:
    settings, secret = split_secret("sql", {"url": "postgresql://ann:pw1234@host/db"}, None)
    assert (settings["url"], secret) == ("postgresql://ann@host/db", {"password": "pw1234"})


def test_only_files_set_aside_for_sources_are_opened(tmp_path: Path) -> None:
    engine = engine_settings(tmp_path / "inside")
    own = tmp_path / "inside" / "forecastle.db"
    own.parent.mkdir()
    for path in (tmp_path / "outside.db", own):
        sa.create_engine(f"sqlite:///{path}", poolclass=sa.pool.NullPool).connect().close()
        path.touch()
        source = Connection("sql", {"url": f"sqlite:///{path}", "table": "users"}, Secret(), engine)
        with pytest.raises(SourceError, match=r"not in a folder|own database"):
            rows_of(source)
