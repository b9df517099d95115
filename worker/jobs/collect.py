"""Predict payments, cash and next orders."""

from __future__ import annotations

from typing import Any

from ml.pipelines.collect import collect
from worker.context import JobContext
from worker.events import ReceivablesPredicted


def run(ctx: JobContext, retrain: bool = False) -> dict[str, Any]:
    """Score all that is open and all customers; with `retrain`, by models that have learned anew."""
    with ctx.session() as session:
        result = collect(session, ctx.store, ctx.progress, retrain=retrain, threads=ctx.settings.ml.threads)
        if result is None:
            return ctx.succeed(session, {"skipped": "there are neither invoices nor orders of known customers"})
        return ctx.succeed(
            session, result.as_dict(), ReceivablesPredicted(result.run_id, result.invoices, result.customers)
        )
