"""A published forecast as rows, for tests that need one and not how it was made."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Series
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.grains import MONTHLY
from ml.hierarchy import node_key

QUANTILES = {"p025": 0.5, "p10": 0.7, "p25": 0.9, "p50": 1.0, "p75": 1.1, "p90": 1.3, "p975": 1.5}


def publish(session: Session, as_of: date, periods: int, known: int = 0) -> ForecastRun:
    """Forecast all leaves and their total for `periods` months; the first `known` sold a tenth more than that."""
    model = ModelVersion(
        model_name="sales-monthly", model_type="seasonal_naive", version=1, path="", metrics={}, grain="monthly",
        alias="champion", slot="monthly", location_level="area", product_level="product", parameters={}, features=[],
        data_from=as_of, data_to=as_of, series_count=0, checksum="", libraries={},
    )  # fmt: skip
    total = Series(key=node_key("total", "total"), location_level="total", product_level="total")
    session.add_all([model, total])
    session.flush()
    run = ForecastRun(
        grain="monthly", slot="monthly", state="published", model_id=model.id, as_of=as_of, horizon=periods,
        location_level="area", product_level="product",
    )  # fmt: skip
    session.add(run)
    session.flush()
    for row in session.scalars(sa.select(Series)).all():
        for ahead in range(1, periods + 1):
            mean = 100.0 + 10 * ahead + row.id
            session.add(
                ForecastResult(
                    run_id=run.id, series_id=row.id, grain="monthly", period=MONTHLY.shift(as_of, ahead), as_of=as_of,
                    model_version="sales-monthly/1", mean=mean, actual=mean * 1.1 if ahead <= known else None,
                    **{name: mean * share for name, share in QUANTILES.items()},
                )
            )  # fmt: skip
    session.commit()
    return run
