"""Calendars of suppliers as people write them."""

from __future__ import annotations

from datetime import date

import pytest

from ml.errors import DataError
from ml.inventory.calendars import read_calendar, read_weekdays
from ml.inventory.suppliers import Calendar


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("Mon Wed Fri", "1010100"),
        ("mon-fri", "1111100"),
        ("Tuesday, Thu", "0101000"),
        ("Sat-Mon", "1000011"),
        ("1101000", "1101000"),
        ("", "1111111"),
    ],
)
def test_weekdays_by_name_and_digit(text: str, week: str) -> None:
    assert read_weekdays(text) == week


def test_a_supplier_that_says_nothing_has_no_calendar() -> None:
    assert read_calendar("", " ", "") is None


def test_one_kind_of_weekdays_holds_for_both() -> None:
    assert read_calendar("Mon", "", "2026-12-24 2026-01-01") == Calendar(
        "1000000", "1000000", (date(2026, 1, 1), date(2026, 12, 24))
    )


@pytest.mark.parametrize("wrong", ["Mondag", "0000000", "m", "12"])
def test_what_is_no_weekday_is_named(wrong: str) -> None:
    with pytest.raises(DataError, match="expected names"):
        read_weekdays(wrong)


def test_a_closed_day_that_is_none_is_named() -> None:
    with pytest.raises(DataError, match=r"24\.12"):
        read_calendar("", "", "24.12.")
