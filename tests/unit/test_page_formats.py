"""How figures and dates are written on pages."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from webapp.pages import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (12.5, "12.50"),
        (512, "512"),
        (999.4, "999"),
        (999.5, "1.00K"),
        (83_829.32, "83.8K"),
        (999_499, "999K"),
        (999_500, "1.00M"),
        (1_240_000, "1.24M"),
        (2_300_000_000, "2.30B"),
        (-83_829, "−83.8K"),
        (1.5e12, "1.50T"),
        (1.2345e16, "12,345T"),
    ],
)
def test_compact_keeps_three_digits(value: float | None, text: str) -> None:
    assert formats.compact(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (1234567.891, "1,234,568"), (12.345, "12.35"), (7.0, "7"), (-0.4, "−0.40"), (-0.0, "0")],
)
def test_full_shows_cents_of_small_amounts_only(value: float | None, text: str) -> None:
    assert formats.full(value) == text


@pytest.mark.parametrize(("share", "text"), [(None, "–"), (0.098, "+9.8%"), (-0.292, "−29.2%"), (12.3, "+1,230%")])
def test_change_has_a_sign(share: float | None, text: str) -> None:
    assert formats.change(share) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (4.23, "4.2 s"), (59.97, "1 min 0 s"), (7500, "2 h 5 min")])
def test_duration_uses_two_units_at_most(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_dates_are_unambiguous() -> None:
    assert formats.month(date(2017, 12, 1)) == "Dec 2017"
    assert formats.long_date(date(2017, 12, 3)) == "3 Dec 2017"
    assert formats.instant(datetime(2026, 11, 21, 9, 5, tzinfo=UTC)) == "21 Nov 2026, 09:05 UTC"
    assert formats.month(None) == formats.long_date(None) == formats.instant(None) == "–"


def test_file_sizes() -> None:
    assert [formats.file_size(size) for size in (None, 12, 2_551_942)] == ["–", "0.1 kB", "2.6 MB"]


def test_sentences_begin_with_a_capital_but_file_names_stay() -> None:
    assert formats.sentence("the file is empty.") == "The file is empty."
    assert formats.sentence("sales.csv is empty.") == "sales.csv is empty."
    assert formats.sentence("") == ""


def test_what_rounds_to_nothing_has_no_minus_before_it() -> None:
    """A minus before nothing would say that there is some."""
    assert formats.percent(-0.004) == "0%"
    assert formats.percent(-0.004, 1) == "\N{MINUS SIGN}0.4%"
