"""Reads of external figures, such as temperatures or price indexes."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.drivers import Regressor
from webapp.queries.paging import DEFAULT_LIMIT, Page, newest_first


def list_regressors(
    session: Session,
    name: str = "",
    region: str = "",
    *,
    since: date | None = None,
    until: date | None = None,
    limit: int = DEFAULT_LIMIT,
    below: int | None = None,
) -> Page[Regressor]:
    """Values of external figures, newest first."""
    query = sa.select(Regressor)
    for column, value in ((Regressor.name, name), (Regressor.region, region)):
        if value:
            query = query.where(column == value)
    if since is not None:
        query = query.where(Regressor.day >= since)
    if until is not None:
        query = query.where(Regressor.day <= until)
    return newest_first(session, query, Regressor.id, limit, below)


def regressor_names(session: Session) -> list[dict[str, Any]]:
    """Which external figures there are, and which days they cover."""
    columns = (
        Regressor.name,
        sa.func.min(Regressor.day).label("first_day"),
        sa.func.max(Regressor.day).label("last_day"),
        sa.func.count().label("values"),
    )
    rows = session.execute(sa.select(*columns).group_by(Regressor.name).order_by(Regressor.name))
    return [dict(row._mapping) for row in rows]
