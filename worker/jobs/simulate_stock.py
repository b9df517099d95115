"""Replay policies and models of stock over the past; nobody but its page reads that."""

from __future__ import annotations

from typing import Any

from ml.pipelines.simulate_stock import simulate_stock
from worker.context import JobContext


def run(ctx: JobContext, simulation_id: int) -> dict[str, Any]:
    """Replay what a simulation asks for; the job keeps how many points came, its row the points."""
    with ctx.session() as session:
        found = simulate_stock(session, simulation_id, ctx.progress, ctx.settings.ml.threads)
        told = {"simulation_id": simulation_id, "points": len(found.points), "cheapest": found.cheapest}
        return ctx.succeed(session, told)
