"""Counts the API's requests for the alerts on them, with a round trip to Redis a second at most."""

from __future__ import annotations

import threading
import time
from collections import Counter

from flask import Flask, Response, g, request

from ml.db.base import utc_now
from webapp.extensions import quick_redis
from worker import traffic

PREFIX = "/api/"
WRITE_SECONDS = 1.0


class Tally:
    """The counts of this process that Redis does not have yet."""

    def __init__(self) -> None:
        self._lock, self._counts, self._written = threading.Lock(), Counter[str](), 0.0

    def add(self, seconds: float, *, failed: bool) -> Counter[str] | None:
        """Count a request; what is to be written, once a second."""
        with self._lock:
            self._counts[traffic.class_of(seconds)] += 1
            if failed:
                self._counts[traffic.ERRORS] += 1
            if time.monotonic() - self._written < WRITE_SECONDS:
                return None
            counts, self._counts, self._written = self._counts, Counter(), time.monotonic()
            return counts


def init_app(app: Flask) -> None:
    """Count what `app` answers."""
    tally = Tally()

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def count(response: Response) -> Response:
        if request.path.startswith(PREFIX) and "began" in g:
            counts = tally.add(time.perf_counter() - g.began, failed=response.status_code >= 500)
            if counts is not None:
                quick_redis().run(lambda client: traffic.write(client, utc_now(), counts))
        return response
