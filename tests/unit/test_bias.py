"""Expected values are corrected where the latest origins agree, as long as single series lose next to nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.evaluation.bias import WORTH, agreed_factor


def rows(ratios: list[float], noise: float = 0.0, series: int = 40) -> pd.DataFrame:
    """Backtest rows whose actual volume is so many times the forecast one at each origin."""
    random = np.random.default_rng(5)
    parts = []
    for origin, ratio in enumerate(ratios):
        mean = np.full(series, 100.0)
        # Skewed sales with the wanted mean: most series sell less than forecast, a few much more.
        y = mean * ratio * random.lognormal(-(noise**2) / 2, noise, series)
        y *= ratio * mean.sum() / y.sum()
        names = [f"s{number}" for number in range(series)]
        parts.append(pd.DataFrame({"unique_id": names, "cutoff": origin, "y": y, "mean": mean, "scale": 10.0}))
    return pd.concat(parts, ignore_index=True)


def test_what_all_origins_agree_on_is_corrected() -> None:
    assert agreed_factor(rows([1.1, 1.2, 1.15])) == pytest.approx(1.15)
    assert agreed_factor(rows([0.9, 0.8, 0.85])) == pytest.approx(0.85)


def test_origins_that_disagree_leave_it() -> None:
    assert agreed_factor(rows([1.1, 0.99, 1.15])) == 1.0


def test_what_is_long_past_has_no_say() -> None:
    assert agreed_factor(rows([0.7, 0.8, 0.9, 1.1, 1.2, 1.15])) == pytest.approx(1.15)


def test_one_origin_tells_nothing() -> None:
    assert agreed_factor(rows([1.3])) == 1.0


def test_nothing_forecast_leaves_it() -> None:
    assert agreed_factor(rows([1.1, 1.2]).assign(mean=0.0)) == 1.0


def test_the_single_series_do_not_pay_for_the_total() -> None:
    """A total that is right thanks to a few large sales would put all other series too high."""
    frame = rows([1.3, 1.3, 1.3], noise=1.5)
    factor = agreed_factor(frame)
    assert 1.0 <= factor < 1.3

    def typical(by: float) -> float:
        squares = ((frame["y"] - by * frame["mean"]) / frame["scale"]) ** 2
        return float(np.sqrt(squares.groupby(frame["unique_id"]).mean()).mean())

    assert typical(factor) <= typical(1.0) * (1 + WORTH)
    assert typical(1.3) > typical(1.0) * (1 + WORTH)
