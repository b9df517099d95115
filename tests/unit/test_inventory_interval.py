"""Totals of the days to cover, learned directly."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.errors import DataError
from ml.inventory.history import YEAR, History
from ml.inventory.interval import FEWEST_ERRORS, IntervalDemand, Spread, fit_spread, scale
from ml.inventory.policies import FillPolicy, IntervalForecasts, ModelForecasts, ServicePolicy
from ml.inventory.simulation import Terms, compare
from ml.models import create
from ml.panel import Panel
from tests.panels import panel_of, seasonal_panel

DAYS = 1_000
FEW = {"rounds": 40, "leaves": 7, "leaf_rows": 20}


@pytest.fixture(scope="module")
def panel() -> Panel:
    """Items that double in the second half of each year."""
    random = np.random.default_rng(3)
    day = np.arange(DAYS)
    season = np.where(day % YEAR >= YEAR // 2, 2.0, 1.0)
    parts = []
    for i in range(30):
        y = random.poisson((0.3, 3.0, 20.0)[i % 3] * season).astype(float)
        ds = pd.date_range("2021-01-04", periods=DAYS)
        parts.append(pd.DataFrame({"unique_id": f"i{i:02d}", "ds": ds, "y": y, "group": f"g{i % 2}"}))
    return Panel.from_frame(pd.concat(parts), "D", 7, static=["group"])


def test_totals_follow_the_season_of_last_year(panel: Panel) -> None:
    """The level doubles at the very day of the origin: no mean of the past knows of it, last year does."""
    turn = YEAR * 2 + YEAR // 2
    fitted = IntervalDemand(35, **FEW).fit(panel.until(panel.periods[turn - 1]))
    found = fitted.mean(panel.until(panel.periods[turn - 1]))
    came = panel.wide.y[:, turn : turn + 35].sum(axis=1)
    recent = panel.wide.y[:, turn - 28 : turn].mean(axis=1) * 35
    assert np.abs(found - came).sum() < 0.5 * np.abs(recent - came).sum()


def test_features_read_nothing_after_the_origin(panel: Panel) -> None:
    whole = History.of(panel, {})
    cut = History.of(panel.until(panel.periods[699]), {})
    names, before = whole.features(700, 35)
    assert cut.features(700, 35)[0] == names
    np.testing.assert_allclose(before, cut.features(700, 35)[1], rtol=1e-6, equal_nan=True)


def test_the_same_bits_each_time(panel: Panel) -> None:
    first, second = (IntervalDemand(35, **FEW).fit(panel).mean(panel) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_level_for_a_fill_rate_serves_it_on_what_was_measured() -> None:
    random = np.random.default_rng(0)
    means = random.gamma(1.0, 100.0, 5_000)
    found = random.poisson(means).astype(float)
    spread = fit_spread(means, found)
    level = spread.level(means, 0.97)
    assert np.minimum(found, level).sum() / found.sum() == pytest.approx(0.97, abs=1e-3)
    assert spread.factor(0.99) > spread.factor(0.97) > spread.factor(0.9)


def test_quantiles_hold_in_each_class_of_volume() -> None:
    random = np.random.default_rng(0)
    means = np.repeat([1.0, 10.0, 100.0, 1000.0], 1_000)
    found = np.maximum(random.normal(means, np.repeat([1.0, 6.0, 20.0, 400.0], 1_000)), 0)
    level = fit_spread(means, found).quantile(means, 0.9)
    for mean in np.unique(means):
        mine = means == mean
        assert (found[mine] <= level[mine] + 1e-9).mean() == pytest.approx(0.9, abs=0.01)


def test_with_little_history_the_mean_of_the_last_weeks_serves() -> None:
    fitted = IntervalDemand(14).fit(panel_of({"a": [2.0] * 40, "b": [0.0] * 40}, "D"))
    mean = fitted.mean(panel_of({"a": [2.0] * 40, "b": [0.0] * 40}, "D"))
    np.testing.assert_allclose(mean, [28, 0])
    assert len(fitted.spread.errors) == FEWEST_ERRORS
    assert fitted.spread.quantile(mean, 0.9)[0] > 28 + scale(np.array([28.0]))[0]


def test_spread_is_never_negative() -> None:
    spread = Spread(np.full(300, 5.0), np.full(300, -40.0))
    assert spread.quantile(np.array([5.0]), 0.1)[0] == 0


def test_only_days_can_be_learned() -> None:
    with pytest.raises(DataError, match="expected 'D'"):
        IntervalDemand(35).fit(seasonal_panel(freq="MS"))


def test_policies_of_models_are_compared_by_replay(panel: Panel) -> None:
    """Each learns before its review alone: figures that came later change nothing that was ordered."""
    start = DAYS - 60
    changed = panel.frame.assign(y=panel.frame["y"].where(panel.frame["ds"] <= panel.periods[start + 27], 7.0))
    other = Panel.from_frame(changed, "D", 7, static=["group"])
    orders = []
    for data in (panel, other):
        own = FillPolicy(IntervalForecasts(data, IntervalDemand(35, **FEW)), 0.95)
        average = ServicePolicy(ModelForecasts(data, lambda: create("moving_average", horizon=35), 35, 4), 0.95)
        found = compare({"interval": own, "average": average}, data.wide.y, start, Terms(28, 7))
        orders.append([found[name].ordered[:, :29] for name in found])
        assert all(0.8 < outcome.fill <= 1 for outcome in found.values())
    np.testing.assert_array_equal(orders[0], orders[1])
