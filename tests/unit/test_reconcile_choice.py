"""Which way of reconciling serves, and what it makes of forecasts and their bands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml import models
from ml.errors import DataError
from ml.etl.extract import Level, unique_ids
from ml.evaluation.backtest import backtest
from ml.models.naive import SeasonalNaive
from ml.panel import Panel
from ml.reconcile import Hierarchy, choose_reconciliation, fit_reconciler, upper_panel
from ml.reconcile.reconciliation import BOTTOM_UP, METHODS, move
from ml.reconcile.trial import Trial

CUTOFFS = pd.to_datetime(["2023-12-01", "2024-03-01", "2024-06-01"])


def hierarchy_of(regions: int = 3, territories: int = 4, categories: int = 3) -> Hierarchy:
    rows = [
        (f"r{i}", f"t{i}{j}", f"c{k}") for i in range(regions) for j in range(territories) for k in range(categories)
    ]
    nodes = pd.DataFrame(rows, columns=["region", "territory", "category"])
    base = Level("territory", "category")
    nodes.insert(0, "unique_id", unique_ids(nodes, base))
    return Hierarchy.over(nodes, base)


@pytest.fixture
def hierarchy() -> Hierarchy:
    return hierarchy_of()


def made_backtest(hierarchy: Hierarchy, drift: float, noise: float, top: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Base forecasts that all miss a share `drift` and each its own `noise`; forecasts above that miss `top`."""
    random = np.random.default_rng(7)
    base, upper = [], []
    sums = hierarchy.sums
    for cutoff in CUTOFFS:
        for ds in pd.date_range(cutoff, periods=7, freq="MS")[1:]:
            y = random.uniform(50, 150, len(sums.base))
            mean = y * (1 - drift) * random.lognormal(0, noise, len(y))
            base.append(pd.DataFrame({"unique_id": sums.base, "cutoff": cutoff, "ds": ds, "y": y, "mean": mean}))
            above = sums.matrix @ y * random.lognormal(0, top, len(sums.nodes))
            upper.append(pd.DataFrame({"unique_id": sums.nodes, "cutoff": cutoff, "ds": ds, "mean": above}))
    frame = pd.concat(base, ignore_index=True)
    return frame.assign(p10=frame["mean"] * 0.8, p90=frame["mean"] * 1.3), pd.concat(upper, ignore_index=True)


def test_totals_that_are_forecast_better_above_are_taken_from_there(hierarchy: Hierarchy) -> None:
    frame, upper = made_backtest(hierarchy, drift=0.15, noise=0.2, top=0.02)
    chosen, rows = choose_reconciliation(frame, upper, hierarchy)
    assert chosen.method in METHODS[1:]
    assert chosen.errors[BOTTOM_UP]["total/total"] == pytest.approx(0.14, abs=0.02)
    assert chosen.errors[chosen.method]["total/total"] < 0.03
    assert chosen.errors[chosen.method]["territory/category"] < chosen.errors[BOTTOM_UP]["territory/category"]
    assert chosen.method in chosen.reason
    made = rows["mean"].sum() / rows["y"].sum()
    assert made == pytest.approx(1.0, abs=0.02)


def test_forecasts_above_that_are_worse_leave_the_sums_as_they_are(hierarchy: Hierarchy) -> None:
    frame, upper = made_backtest(hierarchy, drift=0.0, noise=0.1, top=0.5)
    chosen, rows = choose_reconciliation(frame, upper, hierarchy)
    assert chosen.method == BOTTOM_UP
    pd.testing.assert_frame_equal(rows, frame)
    assert "no other way was steadily better" in chosen.reason


def test_one_origin_is_not_enough_to_choose(hierarchy: Hierarchy) -> None:
    frame, upper = made_backtest(hierarchy, drift=0.15, noise=0.2, top=0.02)
    first = frame["cutoff"] == CUTOFFS[0]
    chosen, _ = choose_reconciliation(frame[first], upper, hierarchy)
    assert chosen.method == BOTTOM_UP
    assert "one origin" in chosen.reason


def test_no_forecast_is_judged_by_weights_that_saw_its_own_error(hierarchy: Hierarchy) -> None:
    """Where origins overlap, the error of a period is known to the other origins too; it must not be learned from."""
    frame, upper = made_backtest(hierarchy, drift=0.1, noise=0.2, top=0.05)
    tried = (frame["cutoff"] == CUTOFFS[0]) & (frame["ds"] <= CUTOFFS[1])
    poisoned = frame.assign(y=frame["y"].where(~frame["ds"].isin(frame.loc[tried, "ds"]), 1e6))
    for method in METHODS:
        before, after = (
            trial.rows(rows, trial.reconciled(method))["mean"]
            for rows, trial in ((rows, Trial.of(rows, upper, hierarchy)) for rows in (frame, poisoned))
        )
        pd.testing.assert_series_equal(before[tried], after[tried])


def test_reconciled_forecasts_add_up_at_every_level_and_their_bands_move_along(hierarchy: Hierarchy) -> None:
    frame, upper = made_backtest(hierarchy, drift=0.15, noise=0.2, top=0.02)
    chosen, _ = choose_reconciliation(frame, upper, hierarchy)
    last = frame["cutoff"] == CUTOFFS[-1]
    above = upper[upper["cutoff"] == CUTOFFS[-1]]
    out = chosen.apply(frame[last].drop(columns=["y", "cutoff"]), above, hierarchy)
    totals = out.groupby("ds")["mean"].sum().to_numpy()
    for level in hierarchy.levels:
        summed = hierarchy.add_up(out, level, ["mean"], ["ds"]).groupby("ds")["mean"].sum().to_numpy()
        np.testing.assert_allclose(summed, totals, rtol=1e-12)
    np.testing.assert_allclose(out["p90"] / out["mean"], 1.3)
    assert (out["mean"] >= 0).all()


def test_bands_around_nothing_move_by_what_is_added() -> None:
    rows = pd.DataFrame({"mean": [0.0, 4.0], "p10": [0.0, 2.0], "p50": [0.0, 4.0], "p90": [1.0, 6.0]})
    moved = move(rows, np.array([0.5, 2.0]))
    assert moved.to_numpy().tolist() == [[0.5, 0.5, 0.5, 1.5], [2.0, 1.0, 2.0, 3.0]]


def small_panel(hierarchy: Hierarchy, periods: int = 30) -> Panel:
    random = np.random.default_rng(8)
    dates = pd.date_range("2022-01-01", periods=periods, freq="MS")
    parts = [
        pd.DataFrame({"unique_id": key, "ds": dates, "y": random.uniform(5, 15, periods), "promo": float(i % 2)})
        for i, key in enumerate(hierarchy.nodes["unique_id"])
    ]
    later = pd.DataFrame({"unique_id": hierarchy.nodes["unique_id"], "ds": dates[-1] + pd.offsets.MonthBegin(1)})
    frame = pd.concat([*parts, later.assign(promo=1.0)], ignore_index=True)
    return Panel.from_frame(frame, "MS", 12, known=["promo"])


def test_the_upper_panel_holds_the_sums_of_all_levels_above(hierarchy: Hierarchy) -> None:
    panel = small_panel(hierarchy)
    above = upper_panel(panel, hierarchy)
    assert len(above.ids) == len(hierarchy.sums.nodes)
    assert set(above.statics["level"]) == {f"{level.location}/{level.product}" for level in hierarchy.upper()}
    for level in hierarchy.upper():
        expected = hierarchy.add_up(panel.frame[panel.frame["y"].notna()], level, ["y"], ["ds"])
        found = expected.merge(above.frame, on=["unique_id", "ds"])
        assert len(found) == len(expected)
        np.testing.assert_allclose(found["y_x"], found["y_y"])
    total = above.frame[above.frame["unique_id"] == above.statics.index[above.statics["level"] == "total/total"][0]]
    assert total["promo"].tolist() == [0.5] * 30 + [1.0]
    assert upper_panel(panel, hierarchy, most=3).statics["level"].nunique() < above.statics["level"].nunique()


def test_a_value_that_is_not_known_is_added_as_a_season_before(hierarchy: Hierarchy) -> None:
    panel = small_panel(hierarchy)
    frame = panel.frame.copy()
    gap = (frame["unique_id"] == panel.ids[0]) & (frame["ds"] == "2024-01-01")
    frame.loc[gap, "y"] = np.nan
    above = upper_panel(Panel.from_frame(frame, "MS", 12, known=["promo"]), hierarchy)
    total = above.statics.index[above.statics["level"] == "total/total"][0]
    found = above.frame.loc[(above.frame["unique_id"] == total) & (above.frame["ds"] == "2024-01-01"), "y"].item()
    own = panel.frame[panel.frame["unique_id"] == panel.ids[0]].set_index("ds")["y"]
    month = panel.frame[panel.frame["ds"] == "2024-01-01"]["y"].sum()
    assert found == pytest.approx(month - own["2024-01-01"] + own["2023-01-01"])


def test_a_reconciler_is_fitted_and_serves_newer_data(hierarchy: Hierarchy) -> None:
    panel = small_panel(hierarchy)
    members = {"seasonal_naive": SeasonalNaive()}
    frame = backtest(panel, models.create("seasonal_naive", horizon=3), list(CUTOFFS[:2]), 3)
    frame["mean"] *= 0.7  # a base that misses a third of the sales, so that the levels above are worth having
    reconciler, rows = fit_reconciler(frame, panel, hierarchy, members, 3)
    assert reconciler.reconciliation.method != BOTTOM_UP
    assert len(rows) == len(frame)
    made = models.create("seasonal_naive", horizon=3).fit(panel).predict(1, panel.future(panel.last, 1))
    out = reconciler.reconcile(made.assign(mean=made["mean"] * 0.7), panel, hierarchy)
    assert made["mean"].sum() * 0.85 < out["mean"].sum() < made["mean"].sum() * 1.05


def test_a_single_level_needs_no_reconciling() -> None:
    nodes = pd.DataFrame({"unique_id": [unique_ids(pd.DataFrame(index=[0]), Level("total", "total"))[0]]})
    alone = Hierarchy.over(nodes, Level("total", "total"))
    frame = pd.DataFrame(
        {"unique_id": nodes["unique_id"], "cutoff": CUTOFFS[0], "ds": CUTOFFS[1], "y": 1.0, "mean": 2.0}
    )
    panel = Panel.from_frame(frame[["unique_id", "ds", "y"]], "MS", 12)
    reconciler, rows = fit_reconciler(frame, panel, alone, {}, 1)
    assert reconciler.reconciliation.method == BOTTOM_UP
    assert rows is frame
    with pytest.raises(DataError, match="no level above"):
        upper_panel(panel, alone)
