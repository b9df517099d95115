"""The state of the data, by the events that tell of its changes."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import OutboxEvent


def data_version(session: Session) -> str:
    """Another one whenever data has changed; two looks at the ends of indexes.

    The number alone would not do: of two transactions the one with the lower number may commit last.
    """
    return ":".join(map(str, session.execute(VERSION).one()))


VERSION = sa.select(
    sa.select(sa.func.max(OutboxEvent.id)).scalar_subquery(),
    sa.select(sa.func.max(OutboxEvent.handled_at)).scalar_subquery(),
)
