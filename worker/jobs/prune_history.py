"""Delete forecasts that nothing looks at any more, and the artifacts of models that nobody will go back to."""

from __future__ import annotations

from typing import Any

from ml.pipelines.retire import retire_forecasts
from ml.registry.retention import prune_artifacts
from worker.context import JobContext


def run(ctx: JobContext) -> dict[str, Any]:
    """Keep them for as long as the settings say."""
    rules = ctx.settings.ml.models
    with ctx.session() as session:
        artifacts = prune_artifacts(session, ctx.store, rules.keep, rules.keep_champion_days)
        session.commit()
        result = retire_forecasts(session, ctx.settings.retention.forecasts, ctx.progress)
        return ctx.succeed(session, {**result.as_dict(), "artifacts": artifacts})
