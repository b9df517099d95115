"""How an API hands out many records: in one answer, by page number, by cursor, or by a link to the next page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from ml.errors import UpstreamError
from ml.etl.sources.json_rows import at_path

STYLES = ("none", "page", "cursor", "next")
MAX_PAGES = 100_000


@dataclass(frozen=True)
class Request:
    """What is asked next."""

    url: str
    params: dict[str, str]


@dataclass(frozen=True)
class Pagination:
    """A style with the names that the API gives. Paths are dotted: meta.next_cursor."""

    style: str
    page_param: str = "page"
    first_page: int = 1
    last_page_path: str = "meta.last_page"
    cursor_param: str = "cursor"
    cursor_path: str = "meta.next_cursor"
    next_path: str = "links.next"

    def following(self, asked: Request, document: Any, records: int) -> Request | None:
        """The request after `asked`, which gave `document` with some records; None after the last.

        By page number it goes on until a page is empty, or until the last page where the API names it: a page that
        is not full proves nothing, since APIs cap what is asked for.
        """
        if self.style == "page":
            number = int(asked.params[self.page_param])
            last = str(_at(document, self.last_page_path) or "")
            if not records or (last.isdigit() and number >= int(last)):
                return None
            return Request(asked.url, {**asked.params, self.page_param: str(number + 1)})
        if self.style == "cursor":
            cursor = _at(document, self.cursor_path)
            return Request(asked.url, {**asked.params, self.cursor_param: str(cursor)}) if _given(cursor) else None
        if self.style == "next":
            link = _at(document, self.next_path)
            # The link holds all parameters that the API needs to go on.
            return Request(same_origin(asked.url, str(link)), {}) if _given(link) else None
        return None

    def first(self, request: Request) -> Request:
        """The request for the first page."""
        if self.style != "page":
            return request
        return Request(request.url, {**request.params, self.page_param: str(self.first_page)})


def same_origin(base: str, link: str) -> str:
    """A link that an answer names, as an address; raises UpstreamError where it leads to another host, which must
    not be sent the credentials. From http to https of the same host is fine."""
    target = urljoin(base, link)
    here, there = urlsplit(base), urlsplit(target)
    upgraded = (here.scheme, here.port or 80, there.scheme, there.port or 443) == ("http", 80, "https", 443)
    upgraded = upgraded and here.hostname == there.hostname
    if (here.scheme, here.netloc) != (there.scheme, there.netloc) and not upgraded:
        raise UpstreamError(
            f"{here.scheme}://{here.netloc} sends on to {there.scheme}://{there.netloc}, which is not followed. "
            "Give the source the address that it is to use."
        )
    return target


def _at(document: Any, path: str) -> Any:
    try:
        return at_path(document, path)
    except KeyError:
        return None


def _given(value: Any) -> bool:
    return value is not None and value is not False and value != ""
