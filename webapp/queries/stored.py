"""Reads of the published forecast run's rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.keys import hash_key, normalise
from ml.db.results import ForecastResult, ForecastRun
from ml.grains import MONTHLY
from ml.hierarchy import LOCATION_NAMES, PRODUCT_NAMES
from webapp.queries.nodes import LOCATION_FIELDS, Node

QUANTILES = ("p025", "p10", "p25", "p50", "p75", "p90", "p975")


def published_run(session: Session, grain: str = MONTHLY.name) -> ForecastRun | None:
    """The run that readers see, if there is one."""
    return session.scalar(sa.select(ForecastRun).where(ForecastRun.slot == grain))


def results(run: ForecastRun, location_level: str, product_level: str, node: Node) -> sa.Select[Any]:
    """The rows of the series at a level that lie within `node`, joined with Series; columns to be chosen."""
    return (
        sa.select(ForecastResult)
        .join(Series, Series.id == ForecastResult.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(
            ForecastResult.run_id == run.id,
            Series.location_level == location_level,
            Series.product_level == product_level,
            *within(node),
        )
    )


def base_names(run: ForecastRun) -> list[Any]:
    """The columns of Series that name a base series."""
    return [getattr(Series, name) for name in (*LOCATION_NAMES[run.location_level], *PRODUCT_NAMES[run.product_level])]


def within(node: Node) -> list[sa.ColumnElement[bool]]:
    """What series (left-joined with Product) must meet to lie within `node`."""
    found: list[sa.ColumnElement[bool]] = [
        getattr(Series, field) == getattr(node, field) for field in LOCATION_FIELDS if getattr(node, field)
    ]
    for field in ("category", "subcategory"):
        if value := getattr(node, field):
            # A product's own row tells its category, since that may be corrected after its series was made.
            found.append(sa.func.coalesce(getattr(Product, field), getattr(Series, field)) == value)
    if node.product:
        found.append(Product.key == hash_key(normalise(node.product)))
    return found
