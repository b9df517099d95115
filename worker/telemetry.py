"""Traces by OpenTelemetry and errors to Sentry, where settings name a place for them; without, nothing is loaded.

Start it after a fork: both send from threads.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ml.db import audit
from ml.errors import ConfigurationError
from ml.logs import hide
from ml.settings import Settings

NAME = "forecastle"
FLUSH_SECONDS = 5


class Telemetry:
    """What this process sends; of either part nothing until it is started."""

    tracer: Any = None
    provider: Any = None
    sentry: Any = None


running = Telemetry()


def start(settings: Settings, role: str) -> None:
    """Begin to send; raises ConfigurationError where a package is asked for and not installed."""
    if settings.otlp_endpoint and running.tracer is None:
        start_tracing(settings.otlp_endpoint, role)
    if settings.sentry_dsn and running.sentry is None:
        start_sentry(settings, role)


def start_tracing(endpoint: str, role: str) -> None:
    """Spans go to the collector at `endpoint` (OTLP by HTTP)."""
    sdk = load("opentelemetry.sdk.trace", "OTEL_EXPORTER_OTLP_ENDPOINT")
    export = load("opentelemetry.sdk.trace.export", "OTEL_EXPORTER_OTLP_ENDPOINT")
    otlp = load("opentelemetry.exporter.otlp.proto.http.trace_exporter", "OTEL_EXPORTER_OTLP_ENDPOINT")
    resources = load("opentelemetry.sdk.resources", "OTEL_EXPORTER_OTLP_ENDPOINT")
    resource = resources.Resource.create({"service.name": f"{NAME}-{role}"})
    running.provider = sdk.TracerProvider(resource=resource)
    exporter = otlp.OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")
    running.provider.add_span_processor(export.BatchSpanProcessor(exporter))
    running.tracer = running.provider.get_tracer(NAME)


def start_sentry(settings: Settings, role: str) -> None:
    """Errors that are logged go to Sentry, without bodies, cookies, addresses or local variables."""
    sentry = load("sentry_sdk", "SENTRY_DSN")
    secrets = settings.log.secrets

    def scrub(event: dict[str, Any], _hint: Any) -> dict[str, Any]:
        return {**masked(event, secrets), "tags": {**event.get("tags", {}), "request_id": audit.request_id() or ""}}

    sentry.init(
        dsn=settings.sentry_dsn, send_default_pii=False, max_request_body_size="never", include_local_variables=False,
        server_name=role, before_send=scrub,
    )  # fmt: skip
    running.sentry = sentry


def masked(value: Any, secrets: tuple[str, ...]) -> Any:
    """The same value without secrets in any of its texts."""
    if isinstance(value, str):
        return hide(value, secrets)
    if isinstance(value, dict):
        return {key: masked(part, secrets) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(part, secrets) for part in value]
    return value


def load(module: str, setting: str) -> Any:
    """An optional package; raises ConfigurationError, naming who asked, where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{setting} is set, but {error.name or module} is not installed; "
            "run: pip install -r requirements-observability.in"
        ) from None


def begin(name: str, **attributes: Any) -> Any:
    """A span that `end` ends; None where nobody traces."""
    if running.tracer is None:
        return None
    found = {"forecastle.request_id": audit.request_id() or "", **attributes}
    return running.tracer.start_span(name, attributes=found)


def end(span: Any, attributes: Mapping[str, Any], name: str = "") -> None:
    """End a span with what is known by now."""
    if span is None:
        return
    if name:
        span.update_name(name)
    for key, value in attributes.items():
        span.set_attribute(key, value)
    span.end()


@contextmanager
def span(name: str, **attributes: Any) -> Iterator[None]:
    """What is done within is one span."""
    opened = begin(name, **attributes)
    try:
        yield
    finally:
        end(opened, {})


def flush() -> None:
    """Send what waits, before a process that does not end by itself is ended."""
    if running.provider is not None:
        running.provider.force_flush(FLUSH_SECONDS * 1000)
    if running.sentry is not None:
        running.sentry.flush(FLUSH_SECONDS)
