"""What makes up forecasts is stored with them at every level, and the training says what moves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from made_once import once
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.results import ForecastFactor, ForecastResult, ForecastRun
from ml.db.sales import SalesMonthly
from ml.explain.themes import BASE, OTHERS, SEASON
from ml.grains import MONTHLY
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from ml.registry import champion


def months_since(day: date) -> int:
    """Months from the first one of the made sales."""
    return 12 * (day.year - 2022) + day.month


def growing_sales() -> list[Sale]:
    """40 months that grow and scatter, so that the naive forecast is beaten."""
    random = np.random.default_rng(0)
    return [
        replace(sale, amount=sale.amount * (1 + 0.04 * months_since(sale.day)) * random.lognormal(0, 0.05))
        for sale in monthly_sales(40)
    ]


@pytest.fixture
def trained(session: Session, store: ArtifactStore) -> Session:
    """A database with a champion of trees."""
    once(session, store, make_champion)
    return session


def make_champion(session: Session, store: ArtifactStore) -> None:
    load_sales(session, growing_sales())
    assert train(session, store, candidates=["lightgbm"]).model == "lightgbm"


def factor_rows(session: Session, run_id: int) -> pd.DataFrame:
    query = sa.select(ForecastFactor.series_id, ForecastFactor.theme, ForecastFactor.units)
    return pd.DataFrame(
        session.execute(query.where(ForecastFactor.run_id == run_id)).all(), columns=["series_id", "theme", "units"]
    )


def ids_of(session: Session, place: str, product: str) -> set[int]:
    query = sa.select(Series.id).where(Series.location_level == place, Series.product_level == product)
    return set(session.scalars(query))


def first_means(session: Session, run_id: int) -> dict[int, float]:
    """The forecast of each series for the first period of a run."""
    run = session.get_one(ForecastRun, run_id)
    query = sa.select(ForecastResult.series_id, ForecastResult.mean).where(
        ForecastResult.run_id == run_id, ForecastResult.period == MONTHLY.shift(run.as_of, 1)
    )
    return {series: float(mean) for series, mean in session.execute(query)}


def year_means(session: Session, last: date) -> dict[int, float]:
    """What each series sold a month on average in the year up to a month."""
    months = [f"{MONTHLY.shift(last, -back):%Y-%m}" for back in range(12)]
    query = sa.select(SalesMonthly.series_id, sa.func.sum(SalesMonthly.total_sales) / 12)
    rows = session.execute(query.where(SalesMonthly.yearmonth.in_(months)).group_by(SalesMonthly.series_id))
    return {series: float(mean) for series, mean in rows}


def test_themes_add_up_to_the_forecast_at_every_level(trained: Session, store: ArtifactStore) -> None:
    run = forecast(trained, store, horizon=3)
    trained.commit()
    rows = factor_rows(trained, run.run_id)
    sums = rows.groupby("series_id")["units"].sum().to_dict()
    means = first_means(trained, run.run_id)
    assert set(sums) == set(means)
    assert sums == pytest.approx(means, rel=1e-6)
    assert {BASE, SEASON} <= set(rows["theme"])
    assert OTHERS not in set(rows["theme"])


def test_beyond_the_largest_series_nothing_is_taken_apart(
    trained: Session, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.pipelines.parts.MOST_SERIES", 5)
    run = forecast(trained, store, horizon=1)
    trained.commit()
    means, rows = first_means(trained, run.run_id), factor_rows(trained, run.run_id)
    leaves = ids_of(trained, "area", "product")
    largest = sorted(leaves, key=lambda series: -means[series])[:5]
    assert set(rows["series_id"]) & leaves == set(largest)
    (total,) = ids_of(trained, "total", "total")
    of_total = rows[rows["series_id"] == total].set_index("theme")["units"]
    assert of_total.sum() == pytest.approx(means[total])
    level = year_means(trained, date(2025, 4, 1))
    left = leaves - set(largest)
    assert of_total[OTHERS] == pytest.approx(sum(means[series] - level[series] for series in left))
    assert of_total[BASE] == pytest.approx(sum(level.values()))


def test_factors_of_forecasts_that_were_replaced_go(trained: Session, store: ArtifactStore) -> None:
    runs = []
    for _ in range(3):
        runs.append(forecast(trained, store, horizon=1).run_id)
        trained.commit()
    kept = set(trained.scalars(sa.select(ForecastFactor.run_id).distinct()))
    assert kept == set(runs[-2:])


def test_the_training_says_what_moves_forecasts(trained: Session) -> None:
    found = champion(trained, "monthly").metrics["importance"]
    assert found["themes"][SEASON] > 0
    assert list(found["themes"].values()) == sorted(found["themes"].values(), reverse=True)
    assert {"feature", "theme", "effect"} == set(found["features"][0])
    assert found["trees"] == 1.0


def test_a_model_without_trees_forecasts_without_factors(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(30))
    train(session, store, candidates=["seasonal_naive"])
    run = forecast(session, store, horizon=2)
    session.commit()
    assert first_means(session, run.run_id)
    assert factor_rows(session, run.run_id).empty
    assert "importance" not in champion(session, "monthly").metrics
