"""Train the models of a grain and let the best one serve."""

from __future__ import annotations

from typing import Any

from ml.pipelines.train import train
from worker.context import JobContext
from worker.events import ModelTrained


def run(ctx: JobContext, grain: str, models: list[str] | None = None) -> dict[str, Any]:
    """Train; `models` names the candidates, else all that are available race."""
    threads = ctx.settings.ml.threads
    with ctx.session() as session:
        result = train(session, ctx.store, grain, ctx.progress, candidates=models, threads=threads)
        return ctx.succeed(session, result.as_dict(), ModelTrained(grain, result.model_id, champion=True))
