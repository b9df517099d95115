"""Check the model that serves for drift, and the sales for anomalies."""

from __future__ import annotations

from typing import Any

from ml.pipelines.drift import check_drift
from worker.context import JobContext


def run(ctx: JobContext, grain: str) -> dict[str, Any]:
    """Check the published forecast of a grain; its report replaces the one of an earlier check."""
    with ctx.session() as session:
        return ctx.succeed(session, check_drift(session, grain, ctx.progress).as_dict())
