"""Next orders: features know no future, rhythms are found, stages and the overdue list follow."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from receivables_factory import day, made_sales

from ml.customers.baskets import category_shares, expected_amount, last_main_category, next_main_category
from ml.customers.features import features_at
from ml.customers.next_order import NextOrderModel, train_next_order, wait_of
from ml.customers.orders import Orders, build_orders
from ml.customers.outlook import STAGES, median_gap_wait, overdue_to_order, predict_next_orders
from ml.errors import DataError, NotEnoughHistoryError
from ml.receivables.scores import auc

SALES = made_sales()
TODAY = day("2023-01-01") + 240


@pytest.fixture(scope="module")
def orders() -> Orders:
    return build_orders(SALES)


@pytest.fixture(scope="module")
def model(orders: Orders) -> NextOrderModel:
    return train_next_order(orders, TODAY)


def test_a_poisoned_future_changes_no_feature_no_model_and_no_prediction(orders: Orders, model: NextOrderModel) -> None:
    later = SALES["sale_date"] > pd.Timestamp(TODAY, unit="D")
    frame = SALES.assign(sales_amount=SALES["sales_amount"].where(~later, 1e7))
    frame = frame[~later | (frame["customer_code"] < "C030")]
    other = build_orders(frame)
    pd.testing.assert_frame_equal(features_at(orders, TODAY), features_at(other, TODAY))
    found, same = (
        predict_next_orders(which, past, TODAY)
        for which, past in ((model, orders), (train_next_order(other, TODAY), other))
    )
    pd.testing.assert_frame_equal(found, same)


def test_all_rows_of_a_day_are_one_order_and_returns_none() -> None:
    rows = pd.DataFrame(
        [
            ("A", "2023-01-01", 10, "x"),
            ("A", "2023-01-01", 5, "y"),
            ("A", "2023-01-03", -4, "x"),
            ("A", "2023-01-05", 8, "x"),
            (None, "2023-01-01", 7, "x"),
        ],
        columns=["customer_code", "sale_date", "sales_amount", "category"],
    )
    found = build_orders(rows)
    assert found.orders["amount"].tolist() == [15, 8]
    assert found.orders["lines"].tolist() == [2, 1]
    assert found.orders["returned"].tolist() == [0, 4]
    assert found.codes.tolist() == ["A"]
    with pytest.raises(DataError, match="no column customer_code"):
        build_orders(pd.DataFrame({"sale_date": [], "sales_amount": []}))


def test_features_match_a_naive_look(orders: Orders) -> None:
    table = features_at(orders, TODAY)
    for customer in table.index[:15]:
        days = orders.orders.loc[orders.orders["customer"] == customer, "day"].to_numpy()
        days = days[days <= TODAY]
        found = table.loc[customer]
        assert found["recency"] == TODAY - days[-1]
        assert found["orders"] == len(days)
        assert found["orders_60"] == (days > TODAY - 60).sum()
        if len(days) > 1:
            assert found["gap_median"] == np.median(np.diff(days))
        else:
            assert np.isnan(found["gap_median"])


def test_who_orders_and_when_is_foreseen_better_than_by_the_median_gap(orders: Orders, model: NextOrderModel) -> None:
    table = features_at(orders, TODAY)
    waited, seen = wait_of(orders, table.index.to_numpy(), TODAY, TODAY + 59)
    curves, none = model.curves(table), np.zeros(len(table))
    within = (seen & (waited <= 30)).astype(float)
    assert auc(1 - curves.at(none + 30), within) > 0.8
    ours, usual = curves.band_day(0.5, none), median_gap_wait(table)
    errors = [np.abs(np.minimum(days, 59) - waited).mean() for days in (ours, usual)]
    assert errors[0] < 0.9 * errors[1]


def test_predictions_are_after_today_and_in_order(orders: Orders, model: NextOrderModel) -> None:
    found = predict_next_orders(model, orders, TODAY)
    assert (found["p10"] > pd.Timestamp(TODAY, unit="D")).all()
    assert (found["p10"] <= found["p50"]).all()
    assert (found["p50"] <= found["p90"]).all()
    assert found["in_30_days"].between(0, 1).all()
    assert set(found["stage"]) <= set(STAGES)
    assert found["one_time"].sum() >= 3


def test_who_should_have_ordered_is_listed_by_what_is_at_stake(orders: Orders, model: NextOrderModel) -> None:
    found = predict_next_orders(model, orders, TODAY)
    late = overdue_to_order(found)
    assert 0 < len(late) < len(found) / 2
    waited = (pd.Timestamp(TODAY, unit="D") - late["last_order"]).dt.days
    assert (waited > 1.4 * late["typical_gap"]).all()
    assert late["at_stake"].is_monotonic_decreasing
    assert not late["one_time"].any()


def test_categories_and_amounts_follow_the_customer(orders: Orders) -> None:
    table = features_at(orders, TODAY)
    customers = table.index.to_numpy()
    shares = category_shares(orders, TODAY, customers)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    actual = next_main_category(orders, TODAY)
    actual = actual[actual.index.isin(customers)]
    place = pd.Series(np.arange(len(customers)), index=customers)[actual.index]
    ours = (shares.argmax(axis=1)[place] == actual.to_numpy()).mean()
    last = (last_main_category(orders, TODAY).reindex(actual.index) == actual).mean()
    assert ours > last
    assert expected_amount(table) == pytest.approx(np.full(len(table), np.exp(4)), rel=0.6)


def test_too_little_history_is_refused(orders: Orders) -> None:
    with pytest.raises(NotEnoughHistoryError, match="days of orders"):
        train_next_order(orders, day("2023-02-01"))
    few = build_orders(SALES[SALES["customer_code"] < "C005"])
    with pytest.raises(NotEnoughHistoryError, match="customers"):
        train_next_order(few, TODAY)
