"""Which periods the data covers, and the arithmetic of months."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from ml.errors import DataError
from ml.grains import MONTHLY, WEEKLY, cover, get_grain


def days(first: date, last: date, step: int = 1) -> list[date]:
    return [first + timedelta(days=i) for i in range(0, (last - first).days + 1, step)]


def test_daily_sales_cover_their_whole_months_only() -> None:
    coverage = cover(days(date(2024, 1, 10), date(2024, 5, 20)), MONTHLY)
    assert coverage is not None
    assert (coverage.first_complete, coverage.last_complete) == (date(2024, 2, 1), date(2024, 4, 1))
    assert coverage.periods == 3
    assert coverage.is_partial(date(2024, 1, 1))
    assert coverage.is_partial(date(2024, 5, 1))
    assert not coverage.is_partial(date(2024, 3, 1))


def test_a_month_whose_last_days_are_never_sold_on_is_complete() -> None:
    weekdays = [day for day in days(date(2024, 1, 1), date(2024, 3, 29)) if day.weekday() < 5]
    coverage = cover(weekdays, MONTHLY)
    assert coverage is not None
    assert coverage.last_complete == date(2024, 3, 1)  # the 30th and 31st are a weekend


def test_one_row_a_month_covers_every_month() -> None:
    coverage = cover([date(2024, month, 1) for month in range(1, 7)], MONTHLY)
    assert coverage is not None
    assert coverage.periods == 6


def test_a_single_day_covers_no_month() -> None:
    coverage = cover([date(2024, 2, 14)], MONTHLY)
    assert coverage is not None
    assert (coverage.periods, coverage.first_complete) == (0, None)
    assert coverage.is_partial(date(2024, 2, 1))


def test_no_sales_have_no_coverage() -> None:
    assert cover([], MONTHLY) is None


@pytest.mark.parametrize(
    ("periods", "expected"), [(1, date(2025, 1, 1)), (-12, date(2023, 12, 1)), (0, date(2024, 12, 1))]
)
def test_shift_crosses_years(periods: int, expected: date) -> None:
    assert MONTHLY.shift(date(2024, 12, 1), periods) == expected


def test_last_day_knows_leap_years() -> None:
    assert MONTHLY.last_day(date(2024, 2, 1)) == date(2024, 2, 29)


def test_unknown_grain_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"'hourly'.*monthly"):
        get_grain("hourly")


def test_a_mistyped_date_far_away_covers_nothing_up_to_it() -> None:
    sold = days(date(2024, 1, 1), date(2024, 4, 30))
    for stray in (date(1999, 5, 20), date(2025, 3, 9)):
        coverage = cover(sorted([*sold, stray]), MONTHLY)
        assert coverage is not None
        assert (coverage.first_complete, coverage.last_complete) == (date(2024, 1, 1), date(2024, 4, 1))
        assert coverage.periods == 4


def test_months_without_sales_inside_the_data_count() -> None:
    coverage = cover([*days(date(2024, 1, 1), date(2024, 2, 29)), *days(date(2024, 5, 1), date(2024, 6, 30))], MONTHLY)
    assert coverage is not None
    assert coverage.periods == 6


def test_weeks_run_from_monday_to_sunday() -> None:
    monday = date(2024, 1, 1)
    assert {WEEKLY.start(day) for day in days(monday, date(2024, 1, 7))} == {monday}
    assert WEEKLY.last_day(monday) == date(2024, 1, 7)
    assert (WEEKLY.shift(monday, 2), WEEKLY.count(monday, date(2024, 1, 15))) == (date(2024, 1, 15), 3)
    coverage = cover(days(date(2024, 1, 3), date(2024, 1, 23)), WEEKLY)
    assert coverage is not None
    assert (coverage.first_complete, coverage.last_complete) == (date(2024, 1, 8), date(2024, 1, 15))
