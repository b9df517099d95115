"""Rows from a table, a query or a ready-made extract of a database: read-only, in chunks, from a watermark on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ml.errors import SourceError
from ml.etl.sources import databases, extractors
from ml.etl.sources.chunks import Chunk, Connection, Reading, Watermark, text_of
from ml.etl.sources.readonly import check_query
from ml.etl.sources.sample import unique_names
from ml.etl.sources.settings import Reader

ROWS = 10_000
"""Rows of a chunk."""


@dataclass(frozen=True)
class SqlSettings:
    """What a source of kind sql says: an address without a password, and one of `table`, `query` and `extract`.

    `watermark` is the column that tells how far the source was read; `overlap` is how many days (or units, of a number)
    are fetched again each time, for rows that are written late.
    """

    url: sa.URL
    table: str
    schema: str | None
    query: str
    extract: extractors.Extract | None
    watermark: str
    overlap: float
    seconds: int

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> SqlSettings:
        """The settings as JSON, checked; raises SourceError, naming what is wrong."""
        given = Reader("SQL source", settings)
        url = databases.parse_url(given.text("url", required=True))
        if url.password:
            raise SourceError("the address holds a password; enter it as the source's credentials instead.")
        made = cls(
            url=url,
            table=given.text("table"),
            schema=given.text("schema") or None,
            query=given.text("query"),
            extract=extractors.Extract.of(settings) if given.text("extract") else None,
            watermark=given.text("watermark_column"),
            overlap=given.number("overlap", 0, 0, 10_000),
            seconds=int(given.number("timeout", 600, 1, 7200)),
        )
        given.object("extractor")
        given.done()
        if sum(map(bool, (made.table, made.query, made.extract))) != 1:
            raise SourceError("a SQL source needs exactly one of table, query and extract.")
        if made.query:
            _query(made)
        return made

    @property
    def watermark_column(self) -> str:
        """The column that tells how far the source was read; '' for a source that is always fetched whole."""
        return self.watermark or (self.extract.watermark if self.extract else "")


def without_password(url: str) -> tuple[str, str]:
    """An address without its password, and the password; one that cannot be read stays as it is."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return url, ""
    password = str(parsed.password or "")
    return (parsed._replace(password=None).render_as_string(hide_password=False), password) if password else (url, "")


def read(
    connection: Connection, watermark: Watermark | None, reading: Reading, limit: int | None = None
) -> Iterator[Chunk]:
    """See `ml.etl.sources.pulled.read`. Rows at the watermark itself come again: there may be more of them now."""
    asked = SqlSettings.of(connection.settings)
    statement = select(asked, watermark, ordered=limit is None)
    with databases.reading(asked.url, connection.secret, connection.engine, asked.seconds, limit) as database:
        streamed = database.execution_options(stream_results=True, max_row_buffer=ROWS)
        result = streamed.execute(statement)
        names = unique_names(list(result.keys()))
        position = _position(asked.watermark_column, names) if asked.watermark_column else None
        reading.watermark = watermark
        for part in result.partitions(ROWS if limit is None else max(limit, 1)):
            if position is not None:
                last = next((row[position] for row in reversed(part) if row[position] is not None), None)
                reading.watermark = reading.watermark if last is None else Watermark.of(last)
            yield Chunk(names, [[text_of(value) for value in row] for row in part[:limit]])
            if limit is not None:
                break
        result.close()


def select(asked: SqlSettings, watermark: Watermark | None, *, ordered: bool = True) -> sa.Executable:
    """The statement that fetches a source from a watermark on, in its order.

    Rows whose watermark is null come every time: nothing tells whether they were there before.
    """
    column: sa.ColumnClause[Any] = sa.column(asked.watermark_column)
    if asked.extract:
        inner: Any = asked.extract.select().subquery("extracted")
    elif asked.query:
        text = sa.text(_query(asked).replace(":", "\\:"))
        if not asked.watermark_column:
            return text  # as it stands: SQL Server takes neither WITH nor ORDER BY within brackets
        inner = text.columns(column).subquery("asked")
    else:
        inner = sa.table(asked.table, schema=asked.schema)
    statement: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(inner)
    if asked.watermark_column:
        if watermark is not None:
            statement = statement.where(sa.or_(column >= watermark.value(asked.overlap), column.is_(None)))
        if ordered:
            statement = statement.order_by(column)
    return statement


def _query(asked: SqlSettings) -> str:
    backend = asked.url.get_backend_name()
    query = check_query(asked.query, backend)
    if backend == "mssql" and asked.watermark_column and query.lower().startswith("with"):
        raise SourceError("SQL Server takes no WITH where the query is read from a watermark on; make it a view.")
    return query


def _position(column: str, names: list[str]) -> int:
    folded = [name.casefold() for name in names]
    if column.casefold() not in folded:
        raise SourceError(
            f"there is no column {column!r} to tell how far it was read; choose one of: {', '.join(names)}."
        )
    return folded.index(column.casefold())
