"""Train the models of a grain and let the winner serve if it beats the champion."""

from __future__ import annotations

from typing import Any

from ml.db.results import ModelVersion
from ml.etl.holidays import keep_holidays
from ml.pipelines.train import train
from ml.registry.retention import prune_artifacts
from ml.registry.tracking import track
from worker.context import JobContext
from worker.events import ModelTrained


def run(ctx: JobContext, grain: str, models: list[str] | None = None) -> dict[str, Any]:
    """Train; `models` names the candidates, else those race that do by default."""
    settings = ctx.settings.ml
    rules = settings.models
    with ctx.session() as session:
        prune_artifacts(session, ctx.store, rules.keep, rules.keep_champion_days)
        session.commit()
        keep_holidays(session, settings.holidays)
        result = train(
            session, ctx.store, grain, ctx.progress, candidates=models, threads=settings.threads, rules=rules
        )
        row = session.get_one(ModelVersion, result.model_id)
        answer = ctx.succeed(session, result.as_dict(), ModelTrained(grain, result.model_id, result.serves))
    track(row, ctx.store, rules.mlflow_uri, rules.mlflow_experiment)  # last: no tracking server can cost a training
    return answer
