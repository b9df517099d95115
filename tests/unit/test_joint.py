"""Several forecasters over the same windows at once: honest, and no slower than need be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from panels import seasonal_panel

from ml.errors import DataError
from ml.evaluation.joint import JointBacktest
from ml.evaluation.origins import plan_cutoffs
from ml.models.auto import CombinedForecaster
from ml.models.averages import HistoricAverage, MovingAverage
from ml.models.base import FittedPoints, PointModel
from ml.models.conformal import ConformalForecaster
from ml.models.naive import SeasonalNaive
from ml.panel import Panel

HORIZON = 6
TAILS = ["p10", "p50", "p90"]


@dataclass(frozen=True)
class Counted:
    """A model that notes where it was fitted."""

    seen: list[pd.Timestamp] = field(default_factory=list, compare=False)
    name: str = "counted"

    @property
    def parameters(self) -> dict[str, Any]:
        return {}

    def fit(self, panel: Panel) -> FittedPoints:
        self.seen.append(panel.last)
        return MovingAverage().fit(panel)


def three(panel: Panel, horizon: int) -> dict[str, PointModel]:
    return {one.name: one for one in (SeasonalNaive(), MovingAverage(), HistoricAverage())}


def run(panel: Panel, **forecasters: CombinedForecaster) -> JointBacktest:
    return JointBacktest(forecasters, panel, plan_cutoffs(panel, HORIZON), HORIZON).run()


def both(panel: Panel) -> JointBacktest:
    return run(panel, floor=ConformalForecaster(SeasonalNaive(), HORIZON), mix=CombinedForecaster(three, HORIZON))


@pytest.fixture(scope="module")
def panel() -> Panel:
    return seasonal_panel(series=30, periods=60)


def test_rows_are_those_of_a_backtest(panel: Panel) -> None:
    frame = both(panel).frame("mix")
    assert len(frame) == 30 * 3 * HORIZON
    assert sorted(frame["step"].unique()) == [*range(1, HORIZON + 1)]
    actual = frame.merge(panel.frame, on=["unique_id", "ds"], suffixes=("", "_sold"))
    np.testing.assert_array_equal(actual["y"], actual["y_sold"])
    assert (frame[["mean", "p10", "rmsse_scale", "mase_scale"]] >= 0).all(axis=None)


@pytest.mark.parametrize("name", ["floor", "mix"])
@pytest.mark.parametrize("panel", [seasonal_panel(30, 60), seasonal_panel(6, 1_200, "D")], ids=["months", "days"])
def test_nothing_after_a_cutoff_has_a_part_in_its_forecasts(panel: Panel, name: str) -> None:
    """Sales after the second cutoff are poisoned: what was forecast from it and before is the same."""
    cutoffs = plan_cutoffs(panel, HORIZON)
    later = panel.frame["ds"] > cutoffs[1]
    poisoned = panel.frame.assign(y=panel.frame["y"].where(~later, panel.frame["y"] * 9 + 1_000))
    other = Panel.from_frame(poisoned, panel.freq, panel.season_length, panel.static, panel.known)
    told, spoilt = (both(one).frame(name) for one in (panel, other))
    early = told["cutoff"] <= cutoffs[1]
    columns = ["mean", *TAILS]
    np.testing.assert_allclose(told.loc[early, columns], spoilt.loc[early, columns])
    assert (told.loc[~early, "mean"].to_numpy() != spoilt.loc[~early, "mean"].to_numpy()).any()


def test_what_was_off_a_year_before_has_a_part_in_bands_of_days() -> None:
    days = seasonal_panel(6, 1_200, "D")
    cutoff = plan_cutoffs(days, HORIZON)[0]
    ago = (cutoff - days.frame["ds"]).dt.days - 364
    year_before = ago.between(0, 3 * HORIZON - 1) & (ago % 2 == 0)
    wild = days.frame.assign(y=days.frame["y"].where(~year_before, days.frame["y"] * 3))
    made = [both(one).frame("floor") for one in (days, Panel.from_frame(wild, "D", 7, days.static, days.known))]
    widths = [float((frame["p90"] - frame["p10"])[frame["cutoff"] == cutoff].sum()) for frame in made]
    assert widths[1] > 1.05 * widths[0]


def test_members_that_forecasters_share_are_learned_once_from_each_origin(panel: Panel) -> None:
    one, other = Counted(), Counted()
    joint = run(panel, first=ConformalForecaster(one, HORIZON), second=ConformalForecaster(other, HORIZON))
    seen = [*one.seen, *other.seen]
    assert len(seen) == len(set(seen)) == 6
    pd.testing.assert_frame_equal(joint.frame("first"), joint.frame("second"))


@pytest.mark.parametrize("name", ["floor", "mix"])
def test_the_winner_is_what_its_own_fit_gives(panel: Panel, name: str) -> None:
    joint = both(panel)
    future = panel.future(panel.last, HORIZON)
    made = joint.fit(name).predict(HORIZON, future)
    alone = CombinedForecaster(three, HORIZON) if name == "mix" else ConformalForecaster(SeasonalNaive(), HORIZON)
    expected = alone.fit(panel).predict(HORIZON, future)
    pd.testing.assert_frame_equal(made, expected)


def test_without_cutoffs_there_is_nothing_to_do(panel: Panel) -> None:
    with pytest.raises(DataError, match="no cutoff"):
        JointBacktest({}, panel, [], HORIZON).run()
