"""Asks an API for JSON: with credentials, again where that may help, within limits of time and size."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import requests
from urllib3.exceptions import HTTPError

from ml.db.base import utc_now
from ml.errors import UpstreamError
from ml.etl.sources.addresses import Guard, open_session
from ml.etl.sources.json_rows import parse
from ml.etl.sources.pagination import Request, same_origin
from ml.secrets import Secret, scrub

AGAIN = frozenset({429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 5
CHUNK = 1 << 16
QUOTED = 300
"""Characters of an answer that an error quotes."""


@dataclass(frozen=True)
class Limits:
    """Seconds to connect, between two pieces of an answer, and for a whole pull; bytes of an answer; tries of a
    request, `backoff` seconds apart, doubled each time."""

    connect: float = 10
    read: float = 30
    total: float = 3600
    size: int = 32 << 20
    tries: int = 5
    backoff: float = 1


@dataclass(frozen=True)
class Auth:
    """How the credentials are sent: as a bearer token, in the header or in the parameter `name`, or not at all."""

    style: str
    name: str
    secret: Secret

    def headers(self) -> dict[str, str]:
        """What goes into the head of each request."""
        token = self.secret.get("token", "")
        named = {"bearer": {"Authorization": f"Bearer {token}"}, "header": {self.name: token}}
        return named.get(self.style, {})

    def params(self) -> dict[str, str]:
        """What goes into the address of each request."""
        return {self.name: self.secret.get("token", "")} if self.style == "query" else {}


class _TryAgain(Exception):  # noqa: N818  (not the end)
    def __init__(self, answered: str, wait: float | None = None) -> None:
        super().__init__(answered)
        self.wait = wait


class Client:
    """One pull's requests, with the time that is left for them. Close it in the end."""

    def __init__(self, auth: Auth, guard: Guard, limits: Limits, sleep: Callable[[float], None] = time.sleep) -> None:
        self._auth, self._limits, self._sleep = auth, limits, sleep
        self._opened: list[Any] = []
        self._session = open_session(guard, self._opened)
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._session.headers.update({"Accept": "application/json", **auth.headers()})
        self._end = time.monotonic() + limits.total

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def get(self, asked: Request) -> Any:
        """The document that answers a request; raises UpstreamError with what was asked and answered."""
        for number in range(1, self._limits.tries + 1):
            try:
                return self._try(asked)
            except _TryAgain as failure:
                wait = self._limits.backoff * 2 ** (number - 1) if failure.wait is None else failure.wait
                if number == self._limits.tries or wait > self._left():
                    raise self._failed(asked, f"{failure} (try {number} of {self._limits.tries})") from None
                self._sleep(wait)
        raise AssertionError  # pragma: no cover  (the last try raises)

    def _try(self, asked: Request) -> Any:
        url = asked.url
        with self._deadline(asked):
            for _ in range(MOST_REDIRECTS):
                response = self._send(url, asked.params if url == asked.url else {})
                with response:
                    if response.status_code not in REDIRECTS:
                        return self._document(asked, response)
                    url = same_origin(url, response.headers.get("Location", ""))
        raise self._failed(asked, f"more than {MOST_REDIRECTS} redirects")

    def _send(self, url: str, params: Mapping[str, str]) -> requests.Response:
        timeouts = (self._limits.connect, self._limits.read)
        every = {**params, **self._auth.params()}
        try:
            return self._session.get(url, params=every, timeout=timeouts, stream=True, allow_redirects=False)
        except (requests.RequestException, OSError) as error:
            raise _TryAgain(_reason(error)) from None

    def _document(self, asked: Request, response: requests.Response) -> Any:
        content = self._content(asked, response)
        status = f"{response.status_code} {response.reason or ''}".strip()
        if response.status_code in AGAIN:
            raise _TryAgain(_quoted(status, content), _retry_after(response.headers.get("Retry-After", "")))
        if response.status_code != 200:
            raise self._failed(asked, _quoted(status, content))
        try:
            return parse(content)
        except ValueError as error:
            raise self._failed(asked, f"{status}, but no JSON ({error}): {_quoted('', content)}") from None

    def _content(self, asked: Request, response: requests.Response) -> bytes:
        parts, size = [], 0
        try:
            for part in response.iter_content(CHUNK):
                parts.append(part)
                size += len(part)
                if size > self._limits.size:
                    limit = f"{self._limits.size >> 20} MB" if self._limits.size >> 20 else f"{self._limits.size} bytes"
                    raise self._failed(asked, f"more than {limit}; ask for smaller pages")
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _TryAgain(_reason(error)) from None
        return b"".join(parts)

    def _deadline(self, asked: Request) -> _Deadline:
        if self._left() <= 0:
            raise self._failed(asked, f"nothing any more: the limit of {self._limits.total:g} s for all of it is over")
        self._opened[:] = self._opened[-1:]  # the one that is kept alive
        return _Deadline(self._left(), self._opened, lambda: self._late(asked))

    def _late(self, asked: Request) -> UpstreamError:
        return self._failed(asked, f"not within the limit of {self._limits.total:g} s for all of it")

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _failed(self, asked: Request, answered: str) -> UpstreamError:
        query = f"?{urlencode(asked.params)}" if asked.params else ""
        return UpstreamError(scrub(f"GET {asked.url}{query} was answered: {answered}", self._auth.secret))


class _Deadline:
    """Breaks off the connections when the time is over: a timeout between bytes never ends what drips."""

    def __init__(self, seconds: float, opened: list[Any], error: Callable[[], UpstreamError]) -> None:
        self._opened, self._error, self._over = opened, error, False
        self._timer = threading.Timer(seconds, self._break)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._timer.cancel()
        if self._over and error is not None:
            raise self._error() from None

    def _break(self) -> None:
        self._over = True
        for connection in list(self._opened):
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """Why nothing was answered, in a few words."""
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "nothing in time"
    inner = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    return f"no whole answer ({type(error).__name__}: {str(getattr(inner, 'reason', inner))[:QUOTED]})"


def _quoted(status: str, content: bytes) -> str:
    text = " ".join(content[: 4 * QUOTED].decode("utf-8", "replace").split())[:QUOTED]
    return ": ".join(part for part in (status, text) if part)


def _retry_after(text: str) -> float | None:
    """Seconds to wait as the other side asks, which says them or names a time; None where it does neither."""
    if text.strip().isdigit():
        return float(text)
    with suppress(TypeError, ValueError):
        return max((parsedate_to_datetime(text) - utc_now()).total_seconds(), 0.0)
    return None
