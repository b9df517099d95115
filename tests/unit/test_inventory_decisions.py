"""What orders cost that forecasts call for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.inventory.decisions import HOLDING, stock_cost
from ml.inventory.levels import MARGIN

WEEKS = 4
LASTS = 3
"""Weeks that an order lasts: three of seven days are 21."""


def backtest(y: list[float], mean: list[float], band: float = 0.0, name: str = "a") -> pd.DataFrame:
    steps = range(1, len(y) + 1)
    low, high = (np.array(mean) + side * band for side in (-1, 1))
    return pd.DataFrame(
        {"unique_id": name, "cutoff": pd.Timestamp("2024-01-01"), "step": steps, "y": y, "mean": mean, "p10": low,
         "p90": high}
    )  # fmt: skip


def test_what_is_left_is_held_and_what_is_missed_is_lost() -> None:
    """With hardly any spread the level is the mean."""
    much = backtest([1e6] * WEEKS, [1.1e6] * WEEKS)
    assert stock_cost(much, "W") == pytest.approx(0.1 * HOLDING, rel=0.03)
    little = backtest([1e6] * WEEKS, [0.9e6] * WEEKS)
    assert stock_cost(little, "W") == pytest.approx(0.1 * MARGIN, rel=0.03)


def test_only_the_periods_count_that_an_order_lasts_for() -> None:
    late = backtest([1e6] * LASTS + [9e6], [1e6] * WEEKS)
    assert stock_cost(late, "W") == stock_cost(backtest([1e6] * WEEKS, [1e6] * WEEKS), "W")
    month = stock_cost(backtest([1e6, 9e6], [1e6, 1e6]), "MS")
    assert month == pytest.approx(0.0, abs=0.001)


def test_honest_bands_cost_less_than_narrow_ones_where_demand_varies() -> None:
    frames = {
        band: pd.concat(
            backtest(list(1e4 + 4e3 * noise), [1e4] * LASTS, band, f"s{number}")
            for number, noise in enumerate(np.random.default_rng(1).standard_normal((200, LASTS)))
        )
        for band in (0.0, 5e3)
    }
    narrow, honest = (stock_cost(frame, "W") for frame in frames.values())
    assert narrow is not None
    assert honest is not None
    assert honest < narrow


def test_unknown_actuals_are_left_out_and_nothing_sold_has_no_cost() -> None:
    known = backtest([1e6] * WEEKS, [1.1e6] * WEEKS)
    unknown = backtest([1e6, float("nan"), 1e6, 1e6], [9e6] * WEEKS, name="b")
    assert stock_cost(pd.concat([known, unknown]), "W") == stock_cost(known, "W")
    assert stock_cost(backtest([0.0] * WEEKS, [1.0] * WEEKS), "W") is None
