"""Counts every request and logs it; what is counted is shared by the processes of one server."""

from __future__ import annotations

import logging
import os
import time

from flask import Flask, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from werkzeug.wrappers import Response

from worker import telemetry

log = logging.getLogger("forecastle.requests")

OWN = CollectorRegistry()
"""Of this process alone; used where it does not share (tests, one process)."""

REQUESTS = Counter(
    "forecastle_requests", "Requests answered, by route and status.", ("method", "route", "status"), registry=OWN
)
SECONDS = Histogram(
    "forecastle_request_seconds",
    "Seconds from request to the head of its answer, by route.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=OWN,
)
UNLOGGED = ("static", "health.health", "health.ready", "metrics.show")
"""Asked for so often that lines about them would hide the others; their failures are logged."""


def init_app(app: Flask) -> None:
    """Watch the requests of `app`; to be called before anything else looks at them."""
    app.before_request(begin)
    app.after_request(end)


def begin() -> None:
    g.began = time.perf_counter()
    g.span = telemetry.begin(request.method)


def end(response: Response) -> Response:
    """Count the request and write it down. The path goes without its query, which may hold names of customers."""
    seconds = time.perf_counter() - g.began
    route = request.url_rule.rule if request.url_rule is not None else "none"
    REQUESTS.labels(request.method, route, str(response.status_code)).inc()
    SECONDS.labels(request.method, route).observe(seconds)
    known = {"http.route": route, "http.response.status_code": response.status_code}
    telemetry.end(g.span, known | {"forecastle.request_id": g.get("request_id", "")}, f"{request.method} {route}")
    level = logging.DEBUG if request.endpoint in UNLOGGED and response.status_code < 500 else logging.INFO
    if log.isEnabledFor(level):
        fields = {"request_id": g.get("request_id", ""), "route": route, "status": response.status_code}
        fields |= {"ms": round(1000 * seconds, 1), "user": getattr(g.get("user"), "email", "")}
        log.log(level, "%s %s", request.method, request.path, extra={"fields": fields})
    return response


def exposition() -> bytes:
    """What all processes of this server counted, in Prometheus' text format."""
    registry = OWN
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
