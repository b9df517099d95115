"""Accuracy as the cells that each forecast leaves tell it: by period, horizon, place and category, in few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.profiles import AccuracyCell
from ml.grains import Grain
from ml.hierarchy import LOCATION_LEVELS, PRODUCT_LEVELS
from webapp.queries.accuracy import Accuracy, made
from webapp.queries.profiles import Level

BY: dict[str, tuple[str, ...]] = {
    "region": ("region",),
    "territory": ("region", "territory"),
    "category": ("category",),
}
"""What series are grouped by, each with the columns that name a group."""


@dataclass(frozen=True)
class CellFilter:
    """Which cells: of a level and grain, in a region or of a category where one is named, made `horizon` before."""

    grain: Grain
    level: Level
    since: date
    until: date
    region: str = ""
    territory: str = ""
    category: str = ""
    horizon: int | None = None


def grouped(session: Session, wanted: CellFilter, names: Sequence[str]) -> dict[tuple[Any, ...], Accuracy]:
    """Errors by the columns `names`, in their order; with none, of all at once (nothing where there are no cells)."""
    cell, keys = AccuracyCell, [getattr(AccuracyCell, name) for name in names]
    parts = (cell.forecasts, cell.actual, cell.size, cell.forecast, cell.error, cell.inside)
    query = sa.select(*keys, *(sa.func.sum(part) for part in parts)).where(*conditions(wanted))
    if keys:
        query = query.group_by(*keys).order_by(*keys)
    rows = session.execute(query).all()
    return {tuple(row[: len(keys)]): made(row[len(keys) :]) for row in rows if row[len(keys)]}


def conditions(wanted: CellFilter) -> list[sa.ColumnElement[bool]]:
    cell = AccuracyCell
    found = [
        cell.grain == wanted.grain.name,
        cell.location_level == wanted.level[0],
        cell.product_level == wanted.level[1],
        cell.period.between(wanted.since, wanted.until),
    ]
    for name in ("region", "territory", "category"):
        if value := getattr(wanted, name):
            found.append(getattr(cell, name) == value)
    if wanted.horizon is not None:
        found.append(cell.horizon == wanted.horizon)
    return found


def measured_levels(session: Session, grain: Grain) -> tuple[list[Level], date | None]:
    """The levels of which errors are known, coarse to fine, and the last period of which they are."""
    cell = AccuracyCell
    query = sa.select(cell.location_level, cell.product_level, sa.func.max(cell.period))
    query = query.where(cell.grain == grain.name).group_by(cell.location_level, cell.product_level)
    rows = session.execute(query).all()
    found = {(place, product) for place, product, _ in rows}
    levels = [(place, product) for place in LOCATION_LEVELS for product in PRODUCT_LEVELS if (place, product) in found]
    return levels, max((last for *_, last in rows), default=None)
