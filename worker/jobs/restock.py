"""Plan the stock: what to order, what runs out, and what there is too much of."""

from __future__ import annotations

from typing import Any

from ml.pipelines.restock import RestockResult, restock
from ml.pipelines.restock_report import report_stock
from worker.context import JobContext
from worker.events import Event, StockPlanned, StockRanLow
from worker.restocking import can_plan

TOLD = 50
"""Items that an event names at most."""


def run(ctx: JobContext) -> dict[str, Any]:
    """Plan all items, publish the plan with its reports, and tell of what has become urgent."""
    with ctx.session() as session:
        if not can_plan(session):
            return ctx.succeed(session, {"skipped": "no stock is counted, or nothing is forecast"})
        result = restock(session, ctx.progress)
        reports = report_stock(session, ctx.store, ctx.progress)
        told = {**result.as_dict(), "new_urgent": len(result.new_urgent), "reports": reports.files}
        return ctx.succeed(session, told, *events_of(result))


def events_of(result: RestockResult) -> list[Event]:
    """That the stock was planned, and, where items have become urgent since the plan before, which."""
    planned = StockPlanned(result.run_id, result.items, result.urgent, result.warning, result.orders)
    if not result.new_urgent:
        return [planned]
    return [planned, StockRanLow(result.run_id, len(result.new_urgent), list(result.new_urgent[:TOLD]))]
