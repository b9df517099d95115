"""From sales in the database to a published, coherent forecast."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from made_once import once
from sqlalchemy.orm import Session, sessionmaker

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.insights import DriftReport
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import (
    ArtifactError,
    ConfigurationError,
    ConflictError,
    DataError,
    NoChampionError,
    NotEnoughHistoryError,
)
from ml.pipelines import forecast as forecasting
from ml.pipelines.forecast import forecast
from ml.pipelines.train import CANDIDATES, train
from ml.reconcile import METHODS
from ml.registry.artifacts import load
from ml.settings import ModelRules


@pytest.fixture
def trained(session: Session, store: ArtifactStore) -> Session:
    """A database with 30 months of sales and a champion."""
    once(session, store, make_champion)
    return session


def make_champion(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(30))
    train(session, store, candidates=["seasonal_naive"])


def results(session: Session) -> pd.DataFrame:
    """The rows that readers see, with the names of their series."""
    query = (
        sa.select(Series.location_level, Series.product_level, Series.region, Series.territory, Series.area,
                  Series.category, Series.product_id, ForecastResult.period, ForecastResult.mean,
                  ForecastResult.p025, ForecastResult.p10, ForecastResult.p50, ForecastResult.p90, ForecastResult.p975)
        .join(Series, Series.id == ForecastResult.series_id)
        .join(ForecastRun, ForecastRun.id == ForecastResult.run_id)
        .where(ForecastRun.slot == "monthly")
    )  # fmt: skip
    rows = session.execute(query).all()
    return pd.DataFrame(rows, columns=[column["name"] for column in query.column_descriptions])


def test_the_race_is_recorded_with_its_reason_and_the_winner_serves(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(30))
    result = train(session, store)
    session.commit()
    row = registry.champion(session, "monthly")
    assert row.id == result.model_id
    assert set(row.metrics["scores"]) == {"seasonal_naive", "lightgbm", "combination"}
    assert {name: len(errors) for name, errors in row.metrics["steps"].items()} == dict.fromkeys(CANDIDATES, 10)
    assert row.metrics["reconciliation"]["method"] in METHODS
    assert result.base_level == "area/product"
    assert row.reason
    assert (row.data_from, row.data_to) == (date(2022, 1, 1), date(2024, 6, 1))
    assert row.libraries["lightgbm"]
    assert store.exists(row.path)


def test_the_same_kind_of_model_does_not_replace_itself(trained: Session, store: ArtifactStore) -> None:
    first = registry.champion(trained, "monthly")
    result = train(trained, store, candidates=["seasonal_naive"])
    row = trained.get_one(ModelVersion, result.model_id)
    assert (result.serves, row.alias, registry.champion(trained, "monthly").id) == (False, "challenger", first.id)
    assert row.verdict.startswith("It does not replace version 1 (seasonal_naive): over the same 3 backtest windows")
    assert row.metrics["champion"]["scores"] == row.metrics["scores"]["seasonal_naive"]
    assert row.metrics["windows"] == first.metrics["windows"]


def test_the_cost_of_stock_chooses_where_it_is_asked_for(trained: Session, store: ArtifactStore) -> None:
    """The champion was scored without that cost, and is scored anew."""
    result = train(trained, store, candidates=["moving_average"], rules=ModelRules(choose_by="stock_cost"))
    row = trained.get_one(ModelVersion, result.model_id)
    assert all((scores["stock_cost"] or 0.0) > 0 for scores in row.metrics["scores"].values())
    assert "stock cost of" in row.reason or "its stock cost is" in row.reason
    assert "it has a stock cost of" in row.verdict


def test_a_champion_of_old_sales_is_replaced(trained: Session, store: ArtifactStore) -> None:
    load_sales(trained, [sale for sale in monthly_sales(33) if sale.day >= date(2024, 7, 1)])
    young = train(trained, store, candidates=["seasonal_naive"], rules=ModelRules(champion_days=93))
    assert not young.serves
    old = train(trained, store, candidates=["seasonal_naive"], rules=ModelRules(champion_days=92))
    assert old.serves
    assert old.verdict == (
        "It replaces version 1 (seasonal_naive), which learned from sales up to June 2024 only, 92 days before the "
        "last complete period (92 days are the limit)."
    )
    assert trained.scalars(sa.select(ModelVersion.alias).order_by(ModelVersion.id)).all() == [
        None,
        "challenger",
        "champion",
    ]


def test_a_champion_that_cannot_be_loaded_is_replaced(trained: Session, store: ArtifactStore) -> None:
    store.delete(registry.champion(trained, "monthly").path)
    result = train(trained, store, candidates=["seasonal_naive"])
    assert result.serves
    assert "which is of no use any more: the stored file models/sales-monthly/1-" in result.verdict


def test_a_champion_that_drifted_is_replaced_by_its_equal(trained: Session, store: ArtifactStore) -> None:
    run = forecast(trained, store, horizon=1)
    report = {"run_id": run.run_id, "grain": "monthly", "as_of": date(2024, 6, 1), "reasons": [], "levels": []}
    champion = registry.champion(trained, "monthly").id
    trained.add(DriftReport(**report, model_id=champion, verdict="retrain", inputs=[], new_share=0.0))
    result = train(trained, store, candidates=["seasonal_naive"])
    assert result.serves
    assert "whose forecasts have drifted" in result.verdict


def test_a_champion_of_another_kind_is_tried_on_the_same_windows(trained: Session, store: ArtifactStore) -> None:
    """The stored scores are of other windows, so its kind of model is learned anew at each cutoff."""
    champion = registry.champion(trained, "monthly")
    champion.parameters = {**champion.parameters, "calibration_windows": 2}
    champion.metrics = {**champion.metrics, "windows": {}}
    phases: list[str] = []

    def note(phase: str, done: int = 0, total: int = 0) -> None:
        phases.append(phase)

    result = train(trained, store, candidates=["seasonal_naive"], progress=note)
    assert phases.count("backtest") == 2 * (6 + 1)
    assert not result.serves
    assert "(the same, where 1.00% less is asked for)" in result.verdict


def test_a_version_put_in_charge_during_a_training_stays(
    trained: Session, store: ArtifactStore, sessions: sessionmaker[Session]
) -> None:
    train(trained, store, candidates=["seasonal_naive"])
    trained.commit()

    def interrupt(phase: str, done: int = 0, total: int = 0) -> None:
        if (phase, done) == ("fitting", 0):
            with sessions.begin() as session:
                registry.promote_by_hand(session, session.get_one(ModelVersion, 2), "planner@example.com")

    load_sales(trained, [sale for sale in monthly_sales(34) if sale.day >= date(2024, 7, 1)])
    result = train(trained, store, progress=interrupt, candidates=["seasonal_naive"])
    assert not result.serves
    assert result.verdict.startswith("Version 2 (seasonal_naive) was put in charge while this one was trained")
    assert registry.champion(trained, "monthly").version == 2


def test_means_add_up_exactly_over_every_level(trained: Session, store: ArtifactStore) -> None:
    forecast(trained, store, horizon=6)
    trained.commit()
    rows = results(trained)
    sums = rows.groupby(["location_level", "product_level", "period"])["mean"].sum().unstack("period")
    assert len(sums) == 4 * 3  # no subcategories in these sales
    assert (sums - sums.iloc[0]).abs().to_numpy().max() < 1e-6
    north = rows[(rows["region"] == "North") & (rows["product_level"] == "category")]
    parts = north.groupby(["location_level", "category", "period"])["mean"].sum().unstack("location_level")
    assert (parts["region"] - parts["territory"]).abs().max() < 1e-6


def test_quantiles_never_cross_and_are_never_negative(trained: Session, store: ArtifactStore) -> None:
    forecast(trained, store, horizon=6)
    rows = results(trained)[["p025", "p10", "p50", "p90", "p975"]].to_numpy()
    assert (rows >= 0).all()
    assert (rows[:, 1:] >= rows[:, :-1]).all()


def test_the_forecast_starts_after_the_last_complete_month(trained: Session, store: ArtifactStore) -> None:
    load_sales(trained, [Sale(date(2024, 7, 3), 5.0)])
    result = forecast(trained, store, horizon=2)
    assert result.as_of == date(2024, 6, 1)
    assert sorted(set(results(trained)["period"])) == [date(2024, 7, 1), date(2024, 8, 1)]


def test_new_sales_reach_the_forecast_without_new_training(trained: Session, store: ArtifactStore) -> None:
    later = [sale for sale in monthly_sales(31) if sale.day >= date(2024, 7, 1)]
    load_sales(trained, [*later, Sale(date(2024, 7, 5), 9.0, area="Easton", territory="N2")])
    result = forecast(trained, store, horizon=1)
    assert result.as_of == date(2024, 7, 1)
    assert "Easton" in set(results(trained)["area"])


def test_what_was_sold_is_recorded_beside_what_had_been_forecast(trained: Session, store: ArtifactStore) -> None:
    first = forecast(trained, store, horizon=3)
    later = [sale for sale in monthly_sales(31) if sale.day >= date(2024, 7, 1)]
    load_sales(trained, later)
    second = forecast(trained, store, horizon=3)
    query = (
        sa.select(ForecastResult.run_id, ForecastResult.period, ForecastResult.actual)
        .join(Series, Series.id == ForecastResult.series_id)
        .where(Series.location_level == "total", Series.product_level == "total")
    )
    actuals = {(row.run_id, row.period): row.actual for row in trained.execute(query)}
    july = date(2024, 7, 1)
    assert actuals[first.run_id, july] == pytest.approx(sum(sale.amount for sale in later))
    assert {key for key, actual in actuals.items() if actual is not None} == {(first.run_id, july)}
    assert (second.run_id, date(2024, 8, 1)) in actuals


def test_a_second_run_replaces_the_first_for_readers(trained: Session, store: ArtifactStore) -> None:
    first = forecast(trained, store, horizon=2)
    second = forecast(trained, store, horizon=2)
    trained.commit()
    states = dict(trained.execute(sa.select(ForecastRun.id, ForecastRun.state)).all())
    assert states == {first.run_id: "superseded", second.run_id: "published"}
    assert len(set(trained.scalars(sa.select(Series.key)))) == trained.scalar(sa.select(sa.func.count(Series.id)))


def test_what_a_broken_run_left_is_removed_and_it_cannot_be_published(trained: Session, store: ArtifactStore) -> None:
    broken = forecasting.begin(trained, store, "monthly", 2, forecasting.ALONE)
    forecast(trained, store, horizon=2)
    trained.commit()
    trained.refresh(broken)
    assert broken.state == "failed"
    with pytest.raises(ConflictError, match="overtaken"):
        forecasting.publish(trained, broken, 1)


def test_two_months_of_sales_are_not_enough_and_the_message_says_so(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(2))
    with pytest.raises(NotEnoughHistoryError, match="2 of 3 months"):
        train(session, store)
    assert session.scalar(sa.select(sa.func.count(ModelVersion.id))) == 0


def test_three_months_of_sales_give_a_forecast(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(3))
    train(session, store)
    assert forecast(session, store, horizon=2).rows > 0


def test_forecasting_without_a_model_is_refused(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(3))
    with pytest.raises(NoChampionError, match="train first"):
        forecast(session, store)


def test_unknown_grain_and_model_are_named(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(4))
    with pytest.raises(DataError, match="hourly"):
        train(session, store, "hourly")
    with pytest.raises(ConfigurationError, match="oracle"):
        train(session, store, candidates=["oracle"])


def test_a_model_saved_by_another_library_version_is_not_loaded(trained: Session, store: ArtifactStore) -> None:
    row = registry.champion(trained, "monthly")
    row.libraries = {**row.libraries, "lightgbm": "2.0.0"}
    with pytest.raises(ArtifactError, match=r"lightgbm 2\.0\.0 \(now .*Train again"):
        load(store, row)


def test_a_damaged_model_is_not_loaded(trained: Session, store: ArtifactStore) -> None:
    row = registry.champion(trained, "monthly")
    store.put(row.path, store.get(row.path)[:-1] + b"x")
    with pytest.raises(ArtifactError, match="damaged"):
        load(store, row)


def test_bands_are_wider_in_relation_below_than_above(trained: Session, store: ArtifactStore) -> None:
    forecast(trained, store, horizon=3)
    rows = results(trained)
    rows["width"] = (rows["p90"] - rows["p10"]) / rows["mean"]
    by_level = rows.groupby(["location_level", "product_level"])["width"].mean()
    assert by_level["total", "total"] <= by_level["area", "product"]
