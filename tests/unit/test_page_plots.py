"""Sparklines, and lines with a point that is marked."""

from __future__ import annotations

from webapp.pages.plots import marked_line, scale, sparkline


def test_scale_spreads_the_values_over_the_box() -> None:
    assert scale([-10, 0, 10], 100, 20) == [(0, 20), (50, 10), (100, 0)]


def test_a_flat_line_is_drawn_at_the_bottom() -> None:
    line = sparkline([0, 0], width=10, height=10, margin=1)
    assert line is not None
    assert line.path == "M1.0 9.0 L9.0 9.0"
    assert line.end == (9, 9)


def test_one_value_is_no_line() -> None:
    assert sparkline([3]) is None


def test_a_marked_line_has_gaps_and_a_scale_that_begins_at_zero() -> None:
    line = marked_line([5.0, None, 10.0, 5.0], at=2, level=5.0, size=(30, 10), margin=0)
    assert line is not None
    assert line.path == "M0.0 5.0 M20.0 0.0 L30.0 5.0"
    assert (line.point, line.level) == ((20.0, 0.0), 5.0)


def test_what_is_not_known_is_not_marked() -> None:
    assert marked_line([1.0, None], at=1, level=1.0) is None
    assert marked_line([1.0], at=0, level=1.0) is None
    assert marked_line([1.0, 2.0], at=5, level=1.0) is None
