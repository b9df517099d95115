"""Sources that rows are pulled from, of every kind behind one set of functions. Light: the web previews with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ml.db.imports import SOURCE_KINDS
from ml.errors import SourceError
from ml.etl import mapping
from ml.etl.datasets import Dataset
from ml.etl.sources import extractors, sql
from ml.etl.sources.chunks import Chunk, Connection, Kind, Reading, Watermark
from ml.secrets import Secret

PREVIEW_SECONDS = 20
"""A preview may take no longer: somebody waits for the answer, and a thread of the web server with them."""

LEARNED = ("shape", "watermark_kind")
"""Parts of a source's settings that pulls write, not people."""


@dataclass(frozen=True)
class Preview:
    """The first rows of a source, with a guessed mapping and how the answers look. Nothing of it is stored."""

    columns: list[str]
    rows: list[dict[str, str]]
    mapping: dict[str, Any]
    shape: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def checked_settings(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a source without what pulls have learned; raises SourceError, naming the setting, where they
    are wrong. Nothing is reached."""
    plain = {name: value for name, value in settings.items() if name not in LEARNED}
    if kind == "sql":
        sql.SqlSettings.of(plain)
    elif kind == "http":
        _http().HttpSettings.of(plain)
    elif kind not in SOURCE_KINDS:
        raise SourceError(f"there is no kind of source {kind!r}; expected one of {', '.join(SOURCE_KINDS)}.")
    return plain


def split_secret(
    kind: str, settings: Mapping[str, Any], secret: Mapping[str, str] | None
) -> tuple[dict[str, Any], Secret | None]:
    """Settings and credentials apart: a password in a database's address belongs to the latter."""
    own, given = (
        dict(settings),
        None if secret is None else Secret({name: text for name, text in secret.items() if text}),
    )
    if kind == "sql" and isinstance(own.get("url"), str):
        own["url"], password = sql.without_password(own["url"])
        if password:
            given = Secret({**(given or {}), "password": password})
    return own, given


def read(
    connection: Connection, watermark: Watermark | None, reading: Reading, limit: int | None = None
) -> Iterator[Chunk]:
    """The rows of a source from `watermark` on, at most `limit`; `reading` is filled on the way.

    Raises UpstreamError where the other side cannot be reached or fails, SourceError where it refuses what is asked.
    """
    reader = sql.read if connection.kind == "sql" else _http().read
    rows: Iterator[Chunk] = reader(connection, watermark, reading, limit)
    return rows


def stored_watermark(text: str | None, settings: Mapping[str, Any]) -> Watermark | None:
    """The watermark of a source's row, as it was learned."""
    kind: Kind = settings.get("watermark_kind", "text")
    return None if text is None else Watermark(kind, text)


def watermark_column(kind: str, settings: Mapping[str, Any]) -> str:
    """The column that tells how far a source was read; '' for one that is fetched whole each time."""
    if kind == "sql":
        return sql.SqlSettings.of(settings).watermark_column
    return str(_http().HttpSettings.of(settings).watermark_field)


def ready_mapping(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping that comes with a ready-made extract; {} for other sources."""
    return extractors.mapping_of(settings) if kind == "sql" else {}


def preview(connection: Connection, dataset: Dataset, limit: int) -> Preview:
    """The first rows of a source, whatever was pulled before."""
    if connection.kind == "file":
        raise SourceError("a source of uploaded files has no rows of its own to look at; upload a file.")
    reading, columns, rows = Reading(), list[str](), list[dict[str, str]]()
    quick = replace(connection, settings=_quick(connection.kind, connection.settings))
    for chunk in read(quick, None, reading, limit):
        columns.extend(column for column in chunk.columns if column not in columns)
        rows.extend(dict(zip(chunk.columns, row, strict=True)) for row in chunk.rows)
    rows = [{column: row.get(column, "") for column in columns} for row in rows[:limit]]
    guessed = ready_mapping(connection.kind, connection.settings) or mapping.guess(columns, rows, dataset)
    return Preview(columns, rows, dict(guessed), reading.shape, reading.notes)


def _quick(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with the limits of a preview."""
    if kind == "sql":
        return {**settings, "timeout": min(sql.SqlSettings.of(settings).seconds, PREVIEW_SECONDS)}
    limits = _http().HttpSettings.of(settings).limits
    return {**settings, "total_timeout": min(limits.total, PREVIEW_SECONDS), "tries": min(limits.tries, 2)}


def _http() -> Any:
    """The module of HTTP sources; what it needs takes the web process a third of its start to load."""
    from ml.etl.sources import http  # noqa: PLC0415

    return http
