"""From sales, stock and events in the database to flags, and to what the engine learns from."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product
from ml.db.cleaning import CleaningFlag, CleaningPolicy
from ml.db.drivers import Event
from ml.db.inventory import StockLevel
from ml.db.keys import hash_key
from ml.errors import DataError
from ml.etl.cleaning.clean import Cleaned, clean_panel
from ml.etl.cleaning.context import read_context
from ml.etl.cleaning.policy import DEFAULT, CleaningSettings
from ml.etl.extract import Level, read_sales
from ml.grains import MONTHLY
from ml.pipelines.clean import clean
from ml.pipelines.forecast import forecast
from ml.pipelines.train import train

MAY = date(2023, 5, 1)
BASE = Level("area", "product")


def set_policy(session: Session, **settings: Any) -> None:
    session.add(CleaningPolicy(dataset="sales", settings=CleaningSettings.from_dict(settings).to_dict()))
    session.commit()


def cleaned(session: Session, level: Level = BASE) -> Cleaned:
    table = read_sales(session, MONTHLY)
    return clean_panel(table, level, read_context(session, table))


def learned(session: Session, day: date = MAY, area: str = "Ayton") -> float:
    """What is learned from of product P-1 in a place and month."""
    panel = cleaned(session).panel.frame
    product = session.scalars(sa.select(Product.id).where(Product.code == "P-1")).one()
    row = panel[(panel["area"] == area) & (panel["product_id"] == str(product)) & (panel["ds"] == str(day))]
    return float(row["y"].iloc[0])


def flags(session: Session) -> list[CleaningFlag]:
    return list(session.scalars(sa.select(CleaningFlag).order_by(CleaningFlag.id)))


def run_out(session: Session, days: int, month: date = MAY, area: str = "Ayton") -> None:
    """Daily stock levels of P-1 that are zero on the first days of a month."""
    product = session.scalars(sa.select(Product.id).where(Product.code == "P-1")).one()
    for number in range((MONTHLY.last_day(month) - month).days + 1):
        day = month + timedelta(days=number)
        key = hash_key(area, product, day)
        session.add(StockLevel(key=key, day=day, area=area, product_id=product, on_hand=0 if number < days else 40))
    session.commit()


@pytest.fixture
def spiked(session: Session) -> Session:
    """Thirty months of sales; Ayton sold far too much of P-1 in May 2023."""
    load_sales(session, [*monthly_sales(30), Sale(date(2023, 5, 20), 9000.0)])
    return session


@pytest.mark.parametrize("served", [True, False])
def test_partitions_find_what_all_sales_together_show(spiked: Session, store: ArtifactStore, served: bool) -> None:
    if served:
        train(spiked, store, candidates=["seasonal_naive"])
    whole = clean(spiked)
    found = [(flag.series_id, flag.period, flag.kind, flag.value, flag.score) for flag in flags(spiked)]
    again = clean(spiked, leaves=3)
    assert whole.outliers > 0
    assert again == replace(whole, added=0)
    assert found == [(flag.series_id, flag.period, flag.kind, flag.value, flag.score) for flag in flags(spiked)]
    spiked.execute(sa.delete(CleaningFlag))
    assert clean(spiked, leaves=3) == whole


def test_an_outlier_is_flagged_with_its_reason_and_changes_nothing_by_itself(spiked: Session) -> None:
    result = clean(spiked)
    assert (result.outliers, result.stockouts, result.added) == (1, 0, 1)
    (flag,) = flags(spiked)
    assert (flag.period, flag.kind, flag.value) == (MAY, "outlier", 10000.0)
    assert flag.corrected == pytest.approx(1000, rel=0.2)
    assert re.fullmatch(r"[\d.]+ times the usual 1,\d{3} of a May; [\d.]+ robust deviations", flag.reason)
    assert learned(spiked) == 10000.0


def test_cleaning_again_changes_nothing_and_keeps_verdicts(spiked: Session) -> None:
    clean(spiked)
    spiked.execute(sa.update(CleaningFlag).values(verdict="accepted", decided_by="ann"))
    result = clean(spiked)
    assert (result.added, result.changed, result.removed) == (0, 0, 0)
    assert [(flag.verdict, flag.decided_by) for flag in flags(spiked)] == [("accepted", "ann")]


@pytest.mark.parametrize(
    ("mode", "verdict", "corrected"),
    [
        ("flag", "open", False),
        ("flag", "accepted", True),
        ("correct", "open", True),
        ("correct", "dismissed", False),
        ("off", "accepted", False),
    ],
)
def test_policy_and_verdict_decide_what_is_learned(
    spiked: Session, mode: str, verdict: str, *, corrected: bool
) -> None:
    clean(spiked)
    spiked.execute(sa.update(CleaningFlag).values(verdict=verdict))
    set_policy(spiked, outliers=mode)
    assert (learned(spiked) < 2000) == corrected
    sold = cleaned(spiked).sold.frame
    assert sold["y"].max() == 10000.0


def test_what_was_accepted_holds_only_while_the_sales_are_the_same(spiked: Session) -> None:
    clean(spiked)
    spiked.execute(sa.update(CleaningFlag).values(verdict="accepted"))
    set_policy(spiked, threshold=100.0)  # not found any more
    assert clean(spiked).removed == 0
    assert learned(spiked) < 2000
    load_sales(spiked, [Sale(date(2023, 5, 21), 1.0)])
    assert learned(spiked) == 10001.0
    assert clean(spiked).removed == 1


def test_going_back_to_the_defaults_gives_what_was_before(spiked: Session) -> None:
    before = cleaned(spiked).panel.frame
    set_policy(spiked, outliers="correct")
    assert not cleaned(spiked).panel.frame.equals(before)
    set_policy(spiked)
    assert cleaned(spiked).panel.frame.equals(before)


def test_a_promotion_makes_its_sales_less_surprising_and_is_named(spiked: Session) -> None:
    clean(spiked)
    score = flags(spiked)[0].score
    event = {"kind": "promotion", "name": "May sale", "starts_on": MAY, "ends_on": date(2023, 5, 20)}
    spiked.add_all([
        Event(key=b"a" * 16, **event, area="Ayton"),
        Event(key=b"b" * 16, **event, area="Beeford"),
    ])  # fmt: skip
    clean(spiked)
    (flag,) = flags(spiked)
    assert flag.score == pytest.approx(score / 2)
    assert flag.reason.endswith("although the promotion May sale covers it")


def test_days_without_stock_scale_the_sales_of_their_month_up(session: Session) -> None:
    load_sales(session, monthly_sales(30))
    sold = learned(session)
    run_out(session, 12)
    assert clean(session).stockouts == 1
    (flag,) = flags(session)
    assert (flag.kind, flag.value) == ("stockout", sold)
    assert flag.corrected == pytest.approx(sold / (1 - 12 / 31))
    assert learned(session) == pytest.approx(sold / (1 - 12 / 31))
    assert "no stock on 39 % of the days" in flag.reason
    set_policy(session, stockouts="off")
    assert learned(session) == sold
    assert clean(session).removed == 1


def test_a_month_next_to_wholly_without_stock_is_left_out(session: Session, store: ArtifactStore) -> None:
    load_sales(session, monthly_sales(30))
    run_out(session, 30)
    clean(session)
    assert flags(session)[0].corrected is None
    found = cleaned(session)
    assert np.isnan(learned(session))
    assert np.isnan(found.actual).sum() == 1
    train(session, store)
    assert forecast(session, store, horizon=2).rows > 0


def test_a_coarser_series_is_out_by_the_usual_sales_of_what_was(session: Session) -> None:
    load_sales(session, monthly_sales(30))
    run_out(session, 16)
    found = cleaned(session, Level("area", "total"))
    (flag,) = found.flags.itertuples(index=False)
    ours = cleaned(session).sold.frame
    usual = ours.groupby(["area", "product_id"])["y"].mean()
    share = usual["Ayton"].iloc[0] / usual["Ayton"].sum() * 16 / 31
    assert flag.score == pytest.approx(share, rel=0.02)


def test_a_product_that_is_no_longer_stocked_is_not_sold_out(session: Session) -> None:
    load_sales(session, monthly_sales(30))
    for back in range(5):
        run_out(session, 31, MONTHLY.shift(MAY, back))
    assert clean(session).stockouts == 0


def test_gaps_are_filled_as_the_policy_says(session: Session) -> None:
    load_sales(session, [sale for sale in monthly_sales(30) if not in_may(sale)])
    assert learned(session) == 0
    set_policy(session, gaps="interpolate")
    around = (learned(session, date(2023, 4, 1)) + learned(session, date(2023, 6, 1))) / 2
    assert learned(session) == pytest.approx(around)
    set_policy(session, gaps="none")
    assert np.isnan(learned(session))


def in_may(sale: Sale) -> bool:
    return (sale.day.year, sale.day.month, sale.area, sale.product) == (2023, 5, "Ayton", "P-1")


def test_unknown_months_are_trained_and_forecast_around(session: Session, store: ArtifactStore) -> None:
    load_sales(session, [sale for sale in monthly_sales(30) if not in_may(sale)])
    set_policy(session, gaps="none")
    train(session, store)
    assert forecast(session, store, horizon=2).rows > 0


def test_returns_reduce_sales_unless_they_are_left_out(session: Session) -> None:
    load_sales(session, monthly_sales(30))
    sold = learned(session)
    load_sales(session, [Sale(date(2023, 5, 9), -150.0)])
    assert learned(session) == sold - 150
    set_policy(session, returns="ignore")
    assert learned(session) == sold


def test_a_forecast_stores_the_flags_of_the_series_it_is_made_of(spiked: Session, store: ArtifactStore) -> None:
    train(spiked, store, candidates=["seasonal_naive"])
    forecast(spiked, store, horizon=2)
    assert [flag.kind for flag in flags(spiked)] == ["outlier"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gaps": "magic"}, "cleaning setting gaps: expected one of zero, none, interpolate, found 'magic'"),
        ({"threshold": "high"}, "cleaning setting threshold: expected a number from 1 to 100, found 'high'"),
        ({"colour": "red"}, "cleaning setting colour: there is none"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        CleaningSettings.from_dict(settings)


def test_settings_survive_json() -> None:
    assert CleaningSettings.from_dict(DEFAULT.to_dict()) == DEFAULT
