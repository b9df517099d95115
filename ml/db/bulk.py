"""Fast writes: many rows in, and staged rows moved, the quickest way that each database has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.schema import CreateTable, DropTable

APPLICATION_LOCK = (
    "SET NOCOUNT ON; DECLARE @got int; "
    "EXEC @got = sp_getapplock @Resource = :name, @LockMode = 'Exclusive', @LockOwner = 'Transaction'; "
    # It returns a negative number instead of failing where it waited in vain or was picked as a deadlock's victim.
    "IF @got < 0 THROW 51000, 'the table is locked by another import; try again', 1;"
)
CHUNK = 50_000
IN_LIST = 500
"""Values in one IN list: SQL Server takes about 2,000 parameters a statement."""


def table_of(entity: Any) -> sa.Table:
    """The table behind a mapped class, or the table itself."""
    table = entity if isinstance(entity, sa.Table) else entity.__table__
    assert isinstance(table, sa.Table)  # noqa: S101
    return table


def insert_rows(session: Session, entity: Any, columns: Mapping[str, Sequence[Any]]) -> int:
    """Insert rows given as columns of equal length; returns how many.

    `entity` is a mapped class or a table, `columns` holds Python values by column name
    (`frame.to_dict("list")` of a data frame will do); columns left out are null, generated,
    or of their default where that is a plain value. SQLite gets `executemany`,
    PostgreSQL COPY, SQL Server `fast_executemany` (see `ml.db.session.engine_options`).
    Raises ValueError where the columns differ in length.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of one length expected, found {lengths}")
    count = next(iter(lengths.values()), 0)
    if count == 0:
        return 0
    connection = session.connection()
    write = _copy if connection.dialect.driver == "psycopg" else _execute_many
    complete = {**columns, **_defaults(table_of(entity), columns, count)}
    for start in range(0, count, CHUNK):
        write(connection, table_of(entity), {name: values[start : start + CHUNK] for name, values in complete.items()})
    return count


@contextmanager
def scratch_table(session: Session, name: str, types: Mapping[str, Any], key: Sequence[str]) -> Iterator[sa.Table]:
    """A table that only this session sees and that goes at the end of the block, for rows that SQL shall work on.

    `types` holds the type of each column, `key` names those of the primary key.
    """
    connection = session.connection()
    columns = [
        sa.Column(column, kind, primary_key=column in key, autoincrement=False) for column, kind in types.items()
    ]
    if connection.dialect.name == "mssql":
        table = sa.Table(f"#{name}", sa.MetaData(), *columns)
    else:
        table = sa.Table(name, sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    connection.execute(CreateTable(table))
    yield table
    connection.execute(DropTable(table))  # after an error the rollback does it


def copy_out(session: Session, query: sa.Select[Any]) -> BytesIO | None:
    """The rows of a query as CSV without names, some times as fast as through objects; None where the database has no
    COPY. Its parameters are texts, numbers and dates. What a caller may see is no matter of this: jobs see all."""
    connection = session.connection()
    if connection.dialect.driver != "psycopg":
        return None
    from psycopg import ClientCursor  # noqa: PLC0415 - of one database alone

    compiled = query.compile(dialect=connection.dialect, compile_kwargs={"render_postcompile": True})
    driver: Any = connection.connection.driver_connection
    statement = ClientCursor(driver).mogrify(str(compiled), compiled.params)  # COPY takes no parameters
    found = BytesIO()
    with driver.cursor() as cursor, cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT CSV)") as copy:
        for block in copy:
            found.write(block)
    found.seek(0)
    return found


def move_missing(session: Session, target: Any, source: sa.Subquery | sa.Table, key: str) -> int:
    """INSERT into `target` the rows of `source` whose `key` it does not hold yet; returns how many.

    `key` must be unique in `target`, and in `source`. Columns are matched by name; a column that `source` lacks is
    left to its default. Call `lock_for_writing` first where two sessions may move the same keys at once.
    """
    table = table_of(target)
    names = [column.name for column in table.columns if column.name in source.c and not column.primary_key]
    rows = sa.select(*(source.c[name] for name in names))
    if session.connection().dialect.name == "sqlite":  # one search of the index instead of two
        return insert_select(session, table, names, rows, prefix="OR IGNORE")
    known = sa.select(sa.literal(1)).where(table.c[key] == source.c[key]).exists()
    return insert_select(session, table, names, rows.where(~known))


def insert_select(
    session: Session, entity: Any, columns: Sequence[str], rows: sa.Select[Any], prefix: str | None = None
) -> int:
    """INSERT the result of a query into `columns`; returns how many rows that gave. `prefix` is for SQLite alone."""
    insert = sa.insert(table_of(entity)).from_select(columns, rows, include_defaults=False)
    if prefix:
        insert = insert.prefix_with(prefix, dialect="sqlite")
    counting = insert.execution_options(preserve_rowcount=True)  # SQLAlchemy drops the count of an INSERT
    return session.connection().execute(counting).rowcount


def lock_for_writing(session: Session, entity: Any) -> None:
    """Keep other writers out of a table until the transaction ends; readers go on.

    SQLite needs nothing: every transaction of a writer holds the one write lock already.
    """
    name = session.connection().dialect.identifier_preparer.format_table(table_of(entity))
    if session.connection().dialect.name == "postgresql":
        session.execute(sa.text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))
    elif session.connection().dialect.name == "mssql":
        session.execute(sa.text(APPLICATION_LOCK), {"name": name})


def in_lists(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Values in pieces that are short enough for an IN list."""
    for start in range(0, len(values), IN_LIST):
        yield values[start : start + IN_LIST]


def _defaults(table: sa.Table, given: Mapping[str, Any], count: int) -> dict[str, Sequence[Any]]:
    """The columns that are left out and have a plain value as their default."""
    left_out = [column for column in table.columns if column.name not in given]
    defaults = {column.name: column.default for column in left_out if isinstance(column.default, sa.ColumnDefault)}
    return {name: [default.arg] * count for name, default in defaults.items() if default.is_scalar}


def _execute_many(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]]) -> None:
    # Driver-level on purpose: the compiled insert would look up every value of every row by name.
    # A bare table has no defaults to fill in and no generated keys to ask back.
    bare = sa.table(table.name, *(sa.column(name) for name in columns))
    statement = sa.insert(bare).compile(dialect=connection.dialect, column_keys=list(columns))
    order: Sequence[str] = getattr(statement, "positiontup", None) or list(columns)
    bound = [_bound(table.c[name], columns[name], connection.dialect) for name in order]
    rows = zip(*bound, strict=True)
    if connection.dialect.name == "sqlite":  # takes one row after the other: no list of a million tuples
        cursor: Any = connection.connection.cursor()
        cursor.executemany(str(statement), rows)
    else:
        connection.exec_driver_sql(str(statement), list(rows))


def _copy(connection: sa.Connection, table: sa.Table, columns: Mapping[str, Sequence[Any]]) -> None:
    prepare = connection.dialect.identifier_preparer
    names = ", ".join(prepare.quote(name) for name in columns)
    bound = [_bound(table.c[name], values, connection.dialect) for name, values in columns.items()]
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {prepare.format_table(table)} ({names}) FROM STDIN") as copy:
        for row in zip(*bound, strict=True):
            copy.write_row(row)


def _bound(column: sa.Column[Any], values: Sequence[Any], dialect: Dialect) -> Sequence[Any]:
    """Values as the driver takes them."""
    if isinstance(column.type, sa.LargeBinary | sa.Numeric):
        return values  # bytes and floats do for all of them, and a million wrappers take a second
    convert: Callable[[Any], Any] | None = column.type.dialect_impl(dialect).bind_processor(dialect)
    if convert is None:
        return values
    if isinstance(column.type, sa.Date):  # a few thousand days, over and over
        known = {value: convert(value) for value in set(values)}
        return [known[value] for value in values]
    return [convert(value) for value in values]
