"""New products follow the profile of their kind; odd series get sensible forecasts from the combination."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml import models
from ml.models.naive import NAIVE
from ml.models.profile import CATEGORY_PROFILE, simpler_model
from ml.panel import Panel
from tests.panels import dates

MONTHS = 36
WINTER = 1 + 0.5 * np.cos(2 * np.pi * np.arange(MONTHS) / 12)
SUMMER = 2 - WINTER


def series(name: str, category: str, y: np.ndarray) -> pd.DataFrame:
    """One series that ends with the panel."""
    return pd.DataFrame({"unique_id": name, "ds": dates(MONTHS, "MS")[-len(y) :], "y": y, "category": category})


def panel(*new: pd.DataFrame) -> Panel:
    """Five series of each of two categories with opposite seasons, and `new` ones."""
    old = [series(f"{kind}{i}", kind, 10.0 * (i + 1) * shape) for kind, shape in KINDS.items() for i in range(5)]
    return Panel.from_frame(pd.concat([*old, *new]), "MS", 12, static=["category"])


KINDS = {"winter": WINTER, "summer": SUMMER}


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_new_product_follows_the_season_of_its_category(kind: str) -> None:
    whole = panel(series("new", kind, 20 * KINDS[kind][-2:]))
    made = simpler_model(whole).predict(12, {})
    new = whole.ids.get_loc("new")
    assert made.model[new] == CATEGORY_PROFILE
    assert np.corrcoef(made.mean[new], KINDS[kind][:12])[0, 1] == pytest.approx(1.0)
    assert 20 <= made.mean[new].mean() <= 30  # between its own level and the median of its category


def test_a_new_product_without_kin_repeats_what_it_sold() -> None:
    whole = panel(series("new", "garden", np.array([4.0, 6.0])))
    made = simpler_model(whole).predict(3, {})
    new = whole.ids.get_loc("new")
    assert (made.model[new], made.mean[new].tolist()) == (NAIVE, [6.0, 6.0, 6.0])


def test_odd_series_get_sensible_forecasts() -> None:
    """All zero, constant, one spike, discontinued, short: nothing is infinite, negative or far from what was sold."""
    spike, gone = np.zeros(MONTHS), 50 * WINTER
    spike[7] = 900.0
    gone[-14:] = 0.0
    odd = {"zero": np.zeros(MONTHS), "constant": np.full(MONTHS, 25.0), "spike": spike, "gone": gone}
    short = {"month": np.array([30.0]), "season": 30 * WINTER[-8:]}
    whole = panel(*(series(name, "winter", y) for name, y in {**odd, **short}.items()))
    made = models.create("auto", horizon=3).fit(whole).predict(3).set_index("unique_id")
    numbers = made.drop(columns=["ds", "model"])
    assert np.isfinite(numbers.to_numpy()).all()
    assert (numbers.to_numpy() >= 0).all()
    mean = made.groupby("unique_id")["mean"].mean()
    assert mean["zero"] == pytest.approx(0.0, abs=1e-9)
    assert mean["constant"] == pytest.approx(25.0, rel=0.2)
    assert mean["spike"] < 90
    assert mean["gone"] < 5
    assert 5 < mean["month"] < 60
    assert 10 < mean["season"] < 60
