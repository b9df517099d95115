"""Figures for Prometheus: of requests, and of what tables and Redis tell."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily

from ml.db.base import utc_now
from webapp.auth import public
from webapp.auth.guard import bearer_token
from webapp.errors import ForbiddenError, UnauthenticatedError
from webapp.extensions import db, redis_client, settings
from webapp.metrics import exposition
from webapp.queries import scope
from webapp.queries.metrics import Gauge, gauges

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@public
def show() -> Response:
    """Open to the bearer of METRICS_TOKEN, who needs no account: it has to work while the database does not."""
    check_token(settings().metrics_token)
    scope.limit(scope.Caller("metrics", None))
    body = exposition() + written(gauges(db.session(), redis_client(), utc_now()))
    return Response(body, content_type=CONTENT_TYPE_LATEST)


def check_token(wanted: str) -> None:
    """Refuse who does not hold the token, and everybody where none is set."""
    if not wanted:
        raise ForbiddenError("no-metrics-token", "METRICS_TOKEN is not set, so nobody may read the metrics.")
    if not hmac.compare_digest(bearer_token().encode(), wanted.encode()):
        raise UnauthenticatedError("invalid-token", "this is not the METRICS_TOKEN of this server.")


@dataclass(frozen=True, eq=False)
class Tables:
    """Gauges as Prometheus' client collects them: as they are, not shared between processes."""

    found: tuple[Gauge, ...]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family a gauge."""
        for gauge in self.found:
            family = GaugeMetricFamily(gauge.name, gauge.meaning, labels=gauge.labels)
            for labels, value in gauge.samples:
                family.add_metric(labels, value)
            yield family


def written(found: list[Gauge]) -> bytes:
    """Gauges in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Tables(tuple(found)))
    return generate_latest(registry)
