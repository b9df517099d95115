"""Sparklines."""

from __future__ import annotations

from webapp.pages.plots import scale, sparkline


def test_scale_spreads_the_values_over_the_box() -> None:
    assert scale([-10, 0, 10], 100, 20) == [(0, 20), (50, 10), (100, 0)]


def test_a_flat_line_is_drawn_at_the_bottom() -> None:
    line = sparkline([0, 0], width=10, height=10, margin=1)
    assert line is not None
    assert line.path == "M1.0 9.0 L9.0 9.0"
    assert line.end == (9, 9)


def test_one_value_is_no_line() -> None:
    assert sparkline([3]) is None
