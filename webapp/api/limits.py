"""How many requests a caller may make of a route in a minute, told in `RateLimit-*` headers.

Counted in Redis, so that all web processes share one count; without Redis nothing is limited.
"""

from __future__ import annotations

import time
from typing import Any, cast

from flask import Response, g, request

from webapp.auth import current_user
from webapp.auth.csrf import SAFE_METHODS
from webapp.errors import TooManyRequestsError
from webapp.extensions import quick_redis, settings

WINDOW = 60
"""Seconds."""


def check() -> None:
    """Count a request; raises TooManyRequestsError above the limit of its route."""
    limit = settings().reads_per_minute if request.method in SAFE_METHODS else settings().writes_per_minute
    now = time.time()
    left = WINDOW - int(now % WINDOW)
    key = f"forecastle:rate:{caller()}:{request.method}:{request.endpoint}:{int(now // WINDOW)}"

    def count(client: Any) -> int:
        pipeline = client.pipeline(transaction=False)
        pipeline.incr(key)
        pipeline.expire(key, WINDOW + 1)
        return cast("int", pipeline.execute()[0])

    used = quick_redis().run(count)
    if used is None:
        return
    g.rate_limit = {"RateLimit-Limit": limit, "RateLimit-Remaining": max(limit - used, 0), "RateLimit-Reset": left}
    if used > limit:
        raise TooManyRequestsError(limit, left)


def caller() -> str:
    """Whose requests are counted together: those of a sign-in or token, or of an address."""
    user = current_user()
    return f"s:{user.session_id}" if user else f"a:{request.remote_addr}"


def tell(response: Response) -> Response:
    """Say in the answer how much is left."""
    for name, value in g.get("rate_limit", {}).items():
        response.headers[name] = str(value)
    return response
