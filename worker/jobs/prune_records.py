"""Delete what was kept long enough: idempotency keys, and the log of webhook deliveries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import sqlalchemy as sa

from ml.db.base import utc_now
from worker.context import JobContext
from worker.models import IdempotencyKey, WebhookDelivery

KEEP_KEYS = timedelta(days=2)
KEEP_DELIVERIES = timedelta(days=30)


def run(ctx: JobContext) -> dict[str, Any]:
    """Keys are for retries soon after a request; the log is for looking back a month."""
    with ctx.session() as session:
        removed = {}
        for entity, keep in ((IdempotencyKey, KEEP_KEYS), (WebhookDelivery, KEEP_DELIVERIES)):
            statement = sa.delete(entity).where(entity.created_at < utc_now() - keep)
            found = session.execute(statement, execution_options={"synchronize_session": False})
            removed[entity.__tablename__] = cast("sa.CursorResult[Any]", found).rowcount
        return ctx.succeed(session, removed)
