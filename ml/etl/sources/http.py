"""Rows from a JSON API: page by page, from a watermark on, as flat records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ml.db.base import utc_now
from ml.errors import SourceError, UpstreamError
from ml.etl.sources import json_rows
from ml.etl.sources.addresses import Guard, check_params, check_url
from ml.etl.sources.chunks import Chunk, Connection, Reading, Watermark
from ml.etl.sources.client import Auth, Client, Limits
from ml.etl.sources.pagination import MAX_PAGES, STYLES, Pagination, Request
from ml.etl.sources.settings import Reader

AUTHS = ("none", "bearer", "header", "query")
FORMATS = ("date", "datetime", "unix", "value")


@dataclass(frozen=True)
class HttpSettings:
    """What a source of kind http says. `records` is the dotted path of the list of records, `expand` a list within each
    record of which every element is a row. `since_param` is sent the watermark, `until_param` the present day."""

    url: str
    auth: str
    auth_name: str
    params: dict[str, str]
    records: str
    expand: str
    pagination: Pagination
    since_param: str
    until_param: str
    date_format: str
    start: str
    watermark_field: str
    overlap: float
    limits: Limits

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> HttpSettings:
        """The settings as JSON, checked; raises SourceError, naming what is wrong."""
        given = Reader("HTTP source", settings)
        auth = given.text("auth", "none", choices=AUTHS)
        size = int(given.number("page_size", 0, 0, 100_000))
        size_param = given.text("size_param", "per_page")
        params = {name: str(value) for name, value in given.object("params").items()}
        made = cls(
            url=check_url(given.text("url", required=True)),
            auth=auth,
            auth_name=given.text("auth_name", "X-Api-Key" if auth == "header" else "api_key"),
            params={**params, **({size_param: str(size)} if size else {})},
            records=given.text("records"),
            expand=given.text("expand"),
            pagination=_pagination(given),
            since_param=given.text("since_param"),
            until_param=given.text("until_param"),
            date_format=given.text("date_format", "date", choices=FORMATS),
            start=given.text("start"),
            watermark_field=given.text("watermark_field"),
            overlap=given.number("overlap", 0, 0, 10_000),
            limits=_limits(given),
        )
        given.done()
        check_params(params)
        if made.since_param and not made.watermark_field:
            raise SourceError(
                "a source with since_param needs watermark_field: the field that tells how far it was read."
            )
        return made


def _pagination(given: Reader) -> Pagination:
    usual = Pagination("none")
    return Pagination(
        style=given.text("pagination", "none", choices=STYLES),
        page_param=given.text("page_param", usual.page_param),
        first_page=int(given.number("first_page", 1, 0, 1)),
        last_page_path=given.text("last_page_path", usual.last_page_path),
        cursor_param=given.text("cursor_param", usual.cursor_param),
        cursor_path=given.text("cursor_path", usual.cursor_path),
        next_path=given.text("next_path", usual.next_path),
    )


def _limits(given: Reader) -> Limits:
    usual = Limits()
    return Limits(
        connect=given.number("connect_timeout", usual.connect, 0.1, 60),
        read=given.number("read_timeout", usual.read, 0.1, 300),
        total=given.number("total_timeout", usual.total, 0.1, 7000),
        size=int(given.number("max_answer_mb", usual.size >> 20, 0.001, 128) * (1 << 20)),
        tries=int(given.number("tries", usual.tries, 1, 10)),
        backoff=given.number("backoff", usual.backoff, 0, 60),
    )


def read(
    connection: Connection, watermark: Watermark | None, reading: Reading, limit: int | None = None
) -> Iterator[Chunk]:
    """See `ml.etl.sources.pulled.read`; `limit` ends after the page that reaches it."""
    asked = HttpSettings.of(connection.settings)
    if asked.auth != "none" and not connection.secret.get("token"):
        raise SourceError("the source has no credentials stored; enter its token.")
    reading.watermark, taken = watermark, 0
    auth = Auth(asked.auth, asked.auth_name, connection.secret)
    with Client(auth, Guard(connection.engine.allowed_hosts), asked.limits) as client:
        for records in _pages(client, asked, watermark):
            rows = [row for record in records for row in json_rows.flatten(record, asked.expand)]
            json_rows.learn(reading.shape, rows)
            if asked.watermark_field:
                reading.watermark = _highest(reading.watermark, asked.watermark_field, rows)
            taken += len(rows)
            if rows:
                yield json_rows.chunk_of(rows)
            if limit is not None and taken >= limit:
                return


def _pages(client: Client, asked: HttpSettings, watermark: Watermark | None) -> Iterator[list[Any]]:
    following: Request | None = asked.pagination.first(Request(asked.url, {**asked.params, **_range(asked, watermark)}))
    last: list[Any] | None = None
    for _ in range(MAX_PAGES):
        if following is None:
            return
        request = following
        document = client.get(request)
        records = _records(asked, request, document)
        following = asked.pagination.following(request, document, len(records))
        if records and records == last:
            raise UpstreamError(
                f"{asked.url} gives the same page again and again. Check the settings of the pagination: "
                f"the API may call its parameter otherwise than {asked.pagination.page_param!r}."
            )
        last = records
        yield records
    raise UpstreamError(f"{asked.url} has more than {MAX_PAGES:,} pages; ask for larger pages or a shorter range.")


def _records(asked: HttpSettings, request: Request, document: Any) -> list[Any]:
    try:
        records = json_rows.at_path(document, asked.records)
    except KeyError:
        found = ", ".join(document)[:200] if isinstance(document, dict) else type(document).__name__
        raise SourceError(
            f"{request.url} was answered without {asked.records!r}, where the records should be; it holds: {found}."
        ) from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        where = f"{asked.records!r} of the answer" if asked.records else "the answer"
        hint = f"; it holds: {', '.join(records)[:200]}" if isinstance(records, dict) else ""
        raise SourceError(
            f"{where} of {request.url} is no list of records{hint}. Set `records` to the path of the list."
        )
    return records


def _range(asked: HttpSettings, watermark: Watermark | None) -> dict[str, str]:
    """The parameters that say from when to when."""
    params = {}
    if asked.since_param and watermark is not None:
        params[asked.since_param] = _written(watermark.value(asked.overlap), asked.date_format)
    elif asked.since_param and asked.start:
        params[asked.since_param] = asked.start
    if asked.until_param:
        params[asked.until_param] = _written(utc_now(), asked.date_format)
    return params


def _written(value: Any, style: str) -> str:
    """A point in time as the API wants it; other values as they are."""
    if isinstance(value, date) and not isinstance(value, datetime) and style in ("datetime", "unix"):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, datetime) and style == "date":
        return value.date().isoformat()
    if isinstance(value, datetime) and style == "unix":
        return str(int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()))
    return value.isoformat() if isinstance(value, date) else str(value)


def _highest(known: Watermark | None, field: str, rows: list[dict[str, Any]]) -> Watermark | None:
    """The highest of a watermark and of a field's values."""
    values = [_typed(row[field]) for row in rows if row.get(field) not in (None, "")]
    if rows and not values and known is None and all(field not in row for row in rows):
        raise SourceError(
            f"the records have no field {field!r} to tell how far they were read; choose one that they have."
        )
    kinds = {value.kind for value in values} | ({known.kind} if known else set())
    if len(kinds) > 1:
        raise SourceError(
            f"the field {field!r} holds {' and '.join(sorted(kinds))} values, which cannot be compared; choose another."
        )
    return max([*values, *([known] if known else [])], key=_order, default=None)


def _typed(value: Any) -> Watermark:
    """A JSON value as what it is: JSON itself knows no dates."""
    if isinstance(value, json_rows.Number):
        try:
            number = Decimal(value)
        except InvalidOperation:
            return Watermark.of(str(value))
        return Watermark.of(int(value) if value.lstrip("-").isdigit() else number)
    for read_as in (date.fromisoformat, datetime.fromisoformat):
        try:
            return Watermark.of(read_as(value))
        except (TypeError, ValueError):
            continue
    return Watermark.of(value)


def _order(mark: Watermark) -> Any:
    value = mark.value()
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value
