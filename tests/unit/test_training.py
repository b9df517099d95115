"""What a training writes down beside its scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.pipelines.train import members_in_words, step_errors


def test_errors_by_step_ahead_leave_out_what_is_not_known() -> None:
    frame = pd.DataFrame(
        {
            "step": [1, 1, 2, 2, 3],
            "y": [10.0, 30.0, 20.0, np.nan, 0.0],
            "mean": [12.0, 28.0, 15.0, 99.0, 4.0],
        }
    )
    assert step_errors(frame) == [pytest.approx(0.1), pytest.approx(0.25), None]


def test_a_combination_is_told_by_its_members_the_heaviest_first() -> None:
    words = members_in_words({"lightgbm": 0.25, "theta": 0.13, "direct_log": 0.62})
    assert words == ["It is made of direct_log (62%), lightgbm (25%), theta (13%)."]
    assert members_in_words({"lightgbm": 1.0}) == []
