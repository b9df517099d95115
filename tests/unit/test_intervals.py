"""Conformal bands: calibrated, pooled where thin, wider with the step, never negative or crossing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from panels import panel_of

from ml.errors import DataError
from ml.evaluation.bias import steady
from ml.evaluation.intervals import ConformalBands
from ml.features.scales import error_scale, recent_level, volume_class, volume_edges
from ml.quantiles import tail_name, tails


def errors(count: int, seed: int = 0, spread: float = 1.0, growth: float = 0.5, cutoffs: int = 4) -> pd.DataFrame:
    """Backtest rows of series of scale 10 whose errors grow with the step."""
    random = np.random.default_rng(seed)
    step = random.integers(1, 13, count)
    error = random.normal(0, 1, count) * 10 * spread * step**growth
    return pd.DataFrame(
        {"y": 1000 + error, "mean": 1000.0, "scale": 10.0, "step": step, "cutoff": np.arange(count) % cutoffs}
    )


def test_bands_cover_new_errors_as_promised() -> None:
    bands = ConformalBands.fit(errors(4000))
    new = errors(4000, seed=1)
    ends = bands.apply(new)
    for low, high, promised in (("p25", "p75", 0.5), ("p10", "p90", 0.8), ("p025", "p975", 0.95)):
        assert ((ends[low] <= new["y"]) & (new["y"] <= ends[high])).mean() == pytest.approx(promised, abs=0.025)


def test_errors_grow_with_the_step_also_beyond_the_calibrated_ones() -> None:
    bands = ConformalBands.fit(errors(4000))
    assert bands.growth == pytest.approx(0.5, abs=0.08)
    ends = bands.apply(pd.DataFrame({"mean": 1000.0, "scale": 10.0, "step": [1, 4, 36]}))
    width = (ends["p90"] - ends["p10"]).to_numpy()
    np.testing.assert_allclose(width / width[0], [1, 4**bands.growth, 36**bands.growth])


def test_groups_have_bands_of_their_own_and_thin_ones_take_all_together() -> None:
    calm, wild = errors(500, spread=0.5), errors(500, seed=2, spread=5)
    thin = errors(3, seed=3)
    frame = pd.concat([calm.assign(group="calm"), wild.assign(group="wild"), thin.assign(group="thin")])
    bands = ConformalBands.fit(frame, group="group")
    asked = pd.DataFrame({"mean": 1000.0, "scale": 10.0, "step": 1, "group": ["calm", "wild", "thin", "never seen"]})
    ends = bands.apply(asked, group="group")
    width = (ends["p90"] - ends["p10"]).to_numpy()
    assert width[1] > 5 * width[0]
    assert width[2] == width[3]
    assert width[0] < width[2] < width[1]


def test_few_errors_give_wider_bands_than_their_own_spread() -> None:
    frame = errors(5, growth=0)
    ends = ConformalBands.fit(frame.assign(step=1)).apply(pd.DataFrame({"mean": [1000.0], "scale": 10.0, "step": 1}))
    spread = float(np.sqrt(((frame["y"] - 1000) ** 2).mean()))
    assert (ends["p90"] - 1000).item() > 1.3 * spread
    assert (ends["p975"] - 1000).item() > 2 * spread


def test_ends_are_never_negative_and_never_cross() -> None:
    ends = ConformalBands.fit(errors(300)).apply(pd.DataFrame({"mean": [0.0, 5.0], "scale": 10.0, "step": 12}))
    values = ends[[tail_name(share) for share in tails()]].to_numpy()
    assert (values >= 0).all()
    assert (np.diff(values, axis=1) >= 0).all()
    assert values[0, 0] == 0 < values[0, -1]


def test_without_a_scale_errors_are_measured_in_the_level_of_the_forecast() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"unique_id": np.repeat(["small", "large"], 200), "mean": np.repeat([10.0, 1000.0], 200)})
    frame = frame.assign(y=frame["mean"] * (1 + random.normal(0, 0.1, 400)), step=1, cutoff=0)
    asked = pd.DataFrame({"unique_id": ["a", "b"], "mean": [50.0, 5000.0], "step": 1})
    ends = ConformalBands.fit(frame).apply(asked)
    width = (ends["p90"] - ends["p10"]) / asked["mean"]
    np.testing.assert_allclose(width, [0.256, 0.256], atol=0.04)


def test_a_series_that_never_sells_has_no_band() -> None:
    bands = ConformalBands.fit(errors(100))
    assert bands.apply(pd.DataFrame({"mean": [0.0], "scale": 0.0, "step": 3})).to_numpy().max() == 0


def test_bands_cannot_be_learned_without_actuals() -> None:
    with pytest.raises(DataError, match="no actuals to calibrate"):
        ConformalBands.fit(errors(10).assign(y=np.nan))


def test_a_median_error_that_comes_back_moves_p50_and_one_that_does_not_leaves_it() -> None:
    frame = errors(4000)
    always = frame.assign(y=frame["y"] - 10 * frame["step"] ** 0.5)
    sign = np.where(frame["cutoff"] % 2 == 0, 10, -10)
    sometimes = frame.assign(y=frame["y"] - sign * frame["step"] ** 0.5)
    asked = pd.DataFrame({"mean": [1000.0], "scale": 10.0, "step": 1})
    assert ConformalBands.fit(always).apply(asked)["p50"].item() == pytest.approx(990, abs=1.5)
    assert ConformalBands.fit(sometimes).apply(asked)["p50"].item() == pytest.approx(1000, abs=0.5)


def test_an_origin_that_went_unusually_wrong_does_not_widen_bands_by_all_of_it() -> None:
    frame = errors(4000, growth=0).assign(step=1)
    christmas = frame.assign(y=frame["y"] + np.where(frame["cutoff"] == 0, 4 * (frame["y"] - frame["mean"]), 0.0))
    asked = pd.DataFrame({"mean": [1000.0], "scale": 10.0, "step": 1})
    usual, held = (ConformalBands.fit(rows).apply(asked) for rows in (frame, christmas))
    width, wider = ((ends["p90"] - ends["p10"]).item() for ends in (usual, held))
    assert width < wider < 1.4 * width


def test_scales_of_days_are_read_from_half_a_year() -> None:
    calm, wild = [10.0, 20.0] * 70, [10.0, 20.0, 60.0, 5.0] * 7
    wide = panel_of({"series": calm + wild}, freq="D").wide
    recent = panel_of({"series": wild}, freq="D").wide
    assert error_scale(wide, 7)[0] < 0.7 * error_scale(recent, 7)[0]


def test_scales_follow_movement_not_size() -> None:
    wave = [100.0 + 50 * (month % 12) for month in range(48)]
    noisy = [value + (40 if month % 24 < 12 else 0) for month, value in enumerate(wave)]
    wide = panel_of({"noisy": noisy, "still": wave, "zero": [0.0] * 48}).wide
    scale = error_scale(wide, 12)
    assert scale[0] == pytest.approx(40)
    assert scale[1] == pytest.approx(recent_level(wide, 12)[1] / 48)
    assert scale[2] == 0


def test_classes_of_volume_have_enough_members() -> None:
    assert len(volume_edges(np.arange(20.0))) == 0
    level = np.arange(100.0)
    counts = np.bincount(volume_class(level, volume_edges(level)))
    np.testing.assert_array_equal(counts, [25, 25, 25, 25])


def test_quantiles_are_named_as_tables_name_them() -> None:
    assert [tail_name(share) for share in tails()] == ["p025", "p10", "p25", "p50", "p75", "p90", "p975"]
    assert [tail_name(share) for share in tails((90, 99))] == ["p005", "p05", "p50", "p95", "p995"]


def test_only_the_steady_part_of_a_deviation_counts() -> None:
    assert steady(0.3, np.array([1.3, 1.28, 1.32]), drift=0.05) == pytest.approx(0.29, abs=0.01)
    assert steady(0.05, np.array([1.6, 0.6, 0.95]), drift=0.05) == 0.0
    assert steady(0.03, np.array([1.03, 1.03, 1.03]), drift=0.05) == 0.0
    assert steady(0.3, np.array([1.3]), drift=0.0) == 0.0
