"""Training on more places and products than it can learn from takes some of every size; forecasts are of all."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from factories import load_sales, monthly_sales
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.etl.extract import learned_coverage, read_sales
from ml.etl.partition import IS_LEAF, WHOLE
from ml.etl.sample import leaves_by_sales, sample, spread_out
from ml.grains import MONTHLY, WEEKLY, Grain
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train
from ml.settings import ModelRules


@pytest.fixture
def sold(session: Session) -> Session:
    """12 places and products in 30 months."""
    load_sales(session, monthly_sales(30))
    session.commit()
    return session


def test_each_size_has_its_share() -> None:
    assert spread_out(list(range(10)), 5) == [1, 3, 5, 7, 9]
    assert spread_out(list(range(10)), 1) == [5]
    assert spread_out([3, 1], 5) == [3, 1]


@pytest.mark.parametrize(("grain", "most", "affordable", "read"), [
    (MONTHLY, 12, None, None), (MONTHLY, 11, None, 11), (MONTHLY, 4, None, 4), (WEEKLY, 11, 3, 3), (WEEKLY, 5, 9, 5),
])  # fmt: skip
def test_what_is_read_is_bounded(
    sold: Session, grain: Grain, most: int, affordable: int | None, read: int | None
) -> None:
    coverage = learned_coverage(sold, grain)
    bounded = replace(grain, most_values=affordable and affordable * coverage.periods)
    ordered = leaves_by_sales(sold, grain, coverage)
    assert len(ordered) == 12
    for _ in range(2):  # the same ones again
        with sample(sold, bounded, coverage, most) as learned:
            assert (learned == WHOLE) is (read is None)
            frame = read_sales(sold, bounded, coverage, learned).frame
            ids = sold.scalars(learned.series().where(IS_LEAF)).all()
        assert len(frame.groupby(["area", "product_id"])) == (read or 12)
        assert sorted(ids) == sorted(spread_out(ordered, read or 12))


def test_all_are_forecast_by_what_a_sample_taught(sold: Session, store: ArtifactStore) -> None:
    train(sold, store, candidates=["seasonal_naive"])
    whole = forecast(sold, store)
    result = train(sold, store, candidates=["seasonal_naive"], rules=ModelRules(most_series=6, margin=0.0))
    sold.commit()
    model = sold.get_one(ModelVersion, result.model_id)
    assert (result.series, model.metrics["sampled"]) == (6, 6)
    assert "sampled" not in sold.get_one(ModelVersion, result.model_id - 1).metrics
    registry.promote(sold, model, "for a test")
    sold.commit()
    found = forecast(sold, store)
    assert sold.get_one(ForecastRun, found.run_id).model_id == model.id
    assert (found.series, found.rows) == (whole.series, whole.rows)
    missing = sa.select(sa.func.count()).where(ForecastResult.run_id == found.run_id, ForecastResult.mean.is_(None))
    assert sold.scalar(missing) == 0
