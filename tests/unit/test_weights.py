"""Members that err alike count alike; those that are clearly worse fade."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.evaluation.weights import member_errors, member_weights, segment_weights
from ml.features.scales import SEGMENTS, segments
from tests.panels import panel_of

Y = np.array([100.0, 100.0, 1.0, 1.0])
SCALE = np.array([10.0, 10.0, 0.1, 0.1])


def test_equal_members_count_alike() -> None:
    weights = member_weights(member_errors(Y, SCALE, {"a": Y + 1, "b": Y - 1, "c": Y + 1}))
    assert weights == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})


def test_a_member_that_is_off_by_a_tenth_more_counts_half_as_much() -> None:
    weights = member_weights(member_errors(Y, SCALE, {"a": Y + 1, "b": Y + 1.1}))
    assert weights["b"] / weights["a"] == pytest.approx(1.1**-8)


def test_a_member_that_is_far_off_is_left_out() -> None:
    assert member_weights(member_errors(Y, SCALE, {"a": Y + 1, "b": Y + 2})) == {"a": 1.0}


def test_large_and_small_series_both_count() -> None:
    """One member is better where the volume is, the other on the small series."""
    large, small = Y + np.array([1, 1, 0.2, 0.2]), Y + np.array([2, 2, 0.1, 0.1])
    errors = member_errors(Y, SCALE, {"large": large, "small": small})
    assert errors["large"] == pytest.approx(np.sqrt(4.2 / 2.2), rel=0.3)
    assert 1 < errors["small"] < 2


def test_where_one_is_never_off_it_alone_counts() -> None:
    nothing = np.zeros(4)
    assert member_weights(member_errors(nothing, nothing, {"a": nothing, "b": nothing + 1})) == {"a": 1.0}


def test_segments_follow_their_own_errors_as_far_as_they_have_series() -> None:
    count = 400
    segment = np.repeat([0, 5], [count - 4, 4])
    y, scale = np.full(count, 100.0), np.ones(count)
    made = {"a": y + np.where(segment == 0, 1.0, 1.3), "b": y + np.where(segment == 0, 1.2, 1.0)}
    ids = [f"s{i}" for i in range(count)]
    rows = pd.DataFrame({"unique_id": ids, "segment": segment, "y": y, "scale": scale})
    errors = member_errors(y, scale, made)
    found = segment_weights(rows, made, errors)
    assert found[0]["a"] > found[0]["b"]
    assert found[5]["a"] == pytest.approx(member_weights(errors)["a"], abs=0.06)  # four series tell little
    assert all(sum(weights.values()) == pytest.approx(1.0) for weights in found.values())


def test_series_fall_into_segments_by_volume_and_regularity() -> None:
    regular, sporadic = [90.0] * 24, [0.0, 0.0, 12.0] * 8
    wide = panel_of({"large": [10.0 * y for y in regular], "middle": regular, "rare": sporadic}).wide
    assert [SEGMENTS[one] for one in segments(wide, 12)] == ["A regular", "B regular", "C sporadic"]
