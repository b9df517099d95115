"""Delete uploaded files that were kept long enough."""

from __future__ import annotations

from typing import Any

from ml.pipelines.prune import prune_uploads
from worker.context import JobContext


def run(ctx: JobContext) -> dict[str, Any]:
    """Keep them for as many days as the settings say."""
    with ctx.session() as session:
        result = prune_uploads(session, ctx.store, ctx.settings.ml.keep_uploads_days, ctx.progress)
        return ctx.succeed(session, result.as_dict())
