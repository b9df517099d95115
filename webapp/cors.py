"""Which other sites' scripts may call the API: those of an allow-list, by a token in the header, never by cookies."""

from __future__ import annotations

from collections.abc import Collection

from flask import Flask, request
from werkzeug.wrappers import Response

API = "/api/v1/"
METHODS = "GET, POST, PUT, PATCH, DELETE"
SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-ID"
SHOWN = "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID"
DAY = 24 * 3600


def init_app(app: Flask, origins: Collection[str]) -> None:
    """Let scripts of `origins` (scheme, host and port as browsers send them) call the API; of no others."""
    if not origins:
        return

    @app.after_request
    def allow(response: Response) -> Response:
        if request.path.startswith(API):
            response.vary.add("Origin")
            origin = request.headers.get("Origin", "")
            if origin in origins:
                answer_for(response, origin)
        return response


def answer_for(response: Response, origin: str) -> None:
    """Tell the browser that a script of `origin` may read the answer, or may send what it asks about."""
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = SHOWN
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = SENT
        response.headers["Access-Control-Max-Age"] = str(DAY)
