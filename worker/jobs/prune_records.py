"""Delete what was written down about the running of the product and kept long enough."""

from __future__ import annotations

from typing import Any

from ml.db.base import utc_now
from worker.context import JobContext
from worker.retention import prune


def run(ctx: JobContext) -> dict[str, Any]:
    """Keep it for as many days as the settings say."""
    with ctx.session() as session:
        return ctx.succeed(session, prune(session, ctx.settings.retention, utc_now()))
