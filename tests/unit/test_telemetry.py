"""Traces and errors are sent where settings say so, and what is not installed is named."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from ml.db import audit
from ml.errors import ConfigurationError
from ml.settings import Settings
from worker import telemetry

SECRET = "hunter22-of-the-database"


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "running", telemetry.Telemetry())


@pytest.mark.parametrize(
    ("setting", "value", "package"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318", "opentelemetry"),
        ("SENTRY_DSN", "https://k@s/1", "sentry"),
    ],
)
def test_what_is_asked_for_and_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: str, package: str
) -> None:
    for name in ("opentelemetry.sdk.trace", "sentry_sdk"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigurationError, match=rf"{setting} is set, but {package}.* is not installed"):
        telemetry.start(Settings.from_env({setting: value}), "web")


def test_without_settings_nothing_is_loaded_and_spans_cost_nothing() -> None:
    telemetry.start(Settings.from_env({}), "web")
    with telemetry.span("job", size=1):
        assert telemetry.begin("inner") is None
    telemetry.flush()
    assert telemetry.running.tracer is None


def test_what_sentry_gets_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    fake = ModuleType("sentry_sdk")
    vars(fake).update(init=lambda **options: given.update(options), flush=lambda _: None)
    monkeypatch.setitem(sys.modules, "sentry_sdk", fake)
    env = {"SENTRY_DSN": "https://key@sentry.local/1", "DATABASE_URL": f"postgresql://app:{SECRET}@db/x"}
    telemetry.start(Settings.from_env(env), "worker")
    assert given["dsn"] == "https://key@sentry.local/1"
    assert not given["send_default_pii"]
    assert not given["include_local_variables"]
    event = {"logentry": {"message": f"no answer with {SECRET}", "params": [SECRET]}, "level": "error"}
    with audit.going_back_to("request-1"):
        sent = given["before_send"](event, {})
    assert SECRET not in str(sent)
    assert sent["tags"]["request_id"] == "request-1"


def test_spans_carry_the_request_that_they_go_back_to() -> None:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is not installed")
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    kept = InMemorySpanExporter()
    telemetry.running.provider = sdk.TracerProvider()
    telemetry.running.provider.add_span_processor(SimpleSpanProcessor(kept))
    telemetry.running.tracer = telemetry.running.provider.get_tracer("test")
    with audit.going_back_to("request-1"), telemetry.span("job ingest", **{"forecastle.job_id": 7}):
        pass
    (span,) = kept.get_finished_spans()
    assert span.name == "job ingest"
    assert span.attributes == {"forecastle.request_id": "request-1", "forecastle.job_id": 7}
