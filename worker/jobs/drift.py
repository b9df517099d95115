"""Check the model that serves for drift, and the sales for anomalies."""

from __future__ import annotations

from typing import Any

from ml.evaluation.drift import RETRAIN
from ml.pipelines.drift import DriftResult, check_drift
from worker.context import JobContext
from worker.events import Event, ModelDrifted


def run(ctx: JobContext, grain: str) -> dict[str, Any]:
    """Check the published forecast of a grain; its report replaces the one of an earlier check."""
    with ctx.session() as session:
        result = check_drift(session, grain, ctx.progress)
        return ctx.succeed(session, result.as_dict(), *events_of(result))


def events_of(result: DriftResult) -> list[Event]:
    """A model that has drifted is told of; nothing else follows from a check."""
    return [ModelDrifted(result.grain, result.model_id, result.as_of)] if result.verdict == RETRAIN else []
