"""Lists as the caller accepts them: JSON by the page, or CSV and JSON lines, whole and streamed.

Without `limit` and `cursor`, CSV and JSON lines hold all that the filters leave, fetched page by page while they are
sent; with either, they hold one page, and the header `Link` names the next.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, get_args
from urllib.parse import urlencode

from flask import Response, request, stream_with_context
from werkzeug.exceptions import NotAcceptable

from ml.db.session import only_reads
from webapp.api.answers import answer
from webapp.auth import signed_in_user
from webapp.extensions import db
from webapp.queries import scope
from webapp.schemas.base import ListAnswer, Request

JSON, CSV, LINES = "application/json", "text/csv", "application/x-ndjson"
FORMATS = (JSON, CSV, LINES)

Query = TypeVar("Query", bound=Request)
Fetch = Callable[[Query], ListAnswer]


def listing(query: Query, fetch: Fetch[Query]) -> Response:
    """The list in the format that the request accepts; `fetch` gives the page that a query asks for."""
    wanted = accepted()
    page = fetch(query)
    if wanted == JSON:
        return answer(page)
    write = csv_text if wanted == CSV else json_lines
    if query.model_fields_set & {"limit", "cursor"}:
        return Response(write(page, first=True), headers=link(page), content_type=f"{wanted}; charset=utf-8")
    parts = stream_with_context(all_pages(query, page, fetch, write))
    return Response(parts, content_type=f"{wanted}; charset=utf-8")


def accepted() -> str:
    """The best of our formats for the caller; raises NotAcceptable where none is."""
    if not request.accept_mimetypes:
        return JSON
    found = request.accept_mimetypes.best_match(FORMATS)
    if found is None:
        raise NotAcceptable(f"the header Accept allows none of {', '.join(FORMATS)}; ask for one of them.")
    return found


def all_pages(query: Query, page: ListAnswer, fetch: Fetch[Query], write: Callable[..., str]) -> Iterator[str]:
    """The whole list as text, the page `page` first."""
    yield write(page, first=True)
    most, user = largest_page(type(query)), signed_in_user()
    caller = scope.Caller(user.email, user.scope)
    while page.next_cursor is not None:
        asked = {**request.args.to_dict(), "limit": most, "cursor": page.next_cursor}
        with reading_as(caller):
            page = fetch(type(query).model_validate(asked))
        yield write(page, first=False)


@contextmanager
def reading_as(caller: scope.Caller) -> Iterator[None]:
    """What `webapp.auth.guard` does around a request, which is over when later pages are read."""
    only_reads.set(True)
    scope.limit(caller)
    try:
        yield
        db.session.rollback()
    finally:
        only_reads.set(False)
        scope.limit(scope.NOBODY)


def largest_page(query: type[Request]) -> int:
    """The largest limit that a query takes."""
    return next(int(rule.le) for rule in query.model_fields["limit"].metadata if hasattr(rule, "le"))


def link(page: ListAnswer) -> dict[str, str]:
    """The header that names the next page, where there is one."""
    if page.next_cursor is None:
        return {}
    query = urlencode({**request.args.to_dict(), "cursor": page.next_cursor})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}


def csv_text(page: ListAnswer, *, first: bool) -> str:
    """The items as CSV; what is nested becomes JSON in its cell."""
    out = io.StringIO()
    names = columns(type(page))
    writer = csv.writer(out)
    if first:
        writer.writerow(names)
    for item in page.model_dump(mode="json")["items"]:
        writer.writerow([cell(item[name]) for name in names])
    return out.getvalue()


def cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def columns(page: type[ListAnswer]) -> list[str]:
    """The names of the fields of a list's items."""
    return list(get_args(page.model_fields["items"].annotation)[0].model_fields)


def json_lines(page: ListAnswer, *, first: bool) -> str:  # noqa: ARG001  (as csv_text)
    """The items, one JSON object a line."""
    items = getattr(page, "items")  # noqa: B009  (each list declares its own)
    return "".join(f"{item.model_dump_json()}\n" for item in items)
