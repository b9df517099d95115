"""Find outliers and stockouts anew, after the policy or what it looks at has changed."""

from __future__ import annotations

from typing import Any

from ml.errors import NotEnoughHistoryError
from ml.pipelines.clean import clean
from worker.context import JobContext
from worker.events import SalesCleaned


def run(ctx: JobContext) -> dict[str, Any]:
    """Clean all grains that are forecast; those with too little history have nothing to clean."""
    settings = ctx.settings.ml
    with ctx.session() as session:
        results = {}
        for grain in settings.grains:
            try:
                results[grain] = clean(session, grain, ctx.progress, settings.partition_series).as_dict()
            except NotEnoughHistoryError as error:
                results[grain] = {"grain": grain, "skipped": str(error)}
        cleaned = [grain for grain, result in results.items() if "skipped" not in result]
        return ctx.succeed(session, results, *([SalesCleaned()] if cleaned else []))
