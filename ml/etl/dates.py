"""Dates as people and programs write them, and the order of day and month in a column of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, get_args

from ml.etl.words import MONTHS

Order = Literal["day-first", "month-first", "year-first"]
ORDERS: tuple[Order, ...] = get_args(Order)
READ_AS: dict[str, str] = {
    "day-first": "day/month/year",
    "month-first": "month/day/year",
    "year-first": "year/month/day",
}
"""The orders as they are told to the user."""

TIME = re.compile(r"(?:[T ]+\d{1,2}[:.]\d{2}.*)$", re.IGNORECASE)
YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
YEAR_MONTH = re.compile(r"((?:19|20)\d{2})[-/](\d{1,2})()")  # 1234.5 is a number, 1234-05 a part
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
NUMERIC = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})\.?")
DAY_NAME_YEAR = re.compile(r"(\d{1,2})\.?[-/. ]+(?:de )?([^\W\d]+)\.?[-/., ]+(?:del? )?(\d{4}|\d{2})")
NAME_DAY_YEAR = re.compile(r"([^\W\d]+)\.?[-/. ]+(\d{1,2})(?:st|nd|rd|th)?,?[-/., ]+(\d{4})")


@dataclass(frozen=True)
class DateFormat:
    """How to read a column's numeric dates, and what to tell the user about it."""

    order: Order = "day-first"
    note: str = ""


def parse_date(text: str, order: Order = "day-first") -> date | None:
    """The day that a text names, its time of day left out; None where it is no date.

    `order` decides 03/04/2024; where only the other order gives a date, there is none:
    a column is read in one order.
    """
    text = TIME.sub("", text.strip()).strip()
    if found := YEAR_FIRST.fullmatch(text) or COMPACT.fullmatch(text) or YEAR_MONTH.fullmatch(text):
        year, month, day = found.groups()
        return _date(int(year), int(month), int(day or 1))
    if found := NUMERIC.fullmatch(text):
        first, second, third = found.groups()
        if order == "year-first":
            return None if len(third) > 2 else _date(_full_year(first), int(second), int(third))
        day, month = (first, second) if order == "day-first" else (second, first)
        return _date(_full_year(third), int(month), int(day))
    if found := DAY_NAME_YEAR.fullmatch(text):
        day, name, year = found.groups()
        return _date(_full_year(year), MONTHS.get(name.casefold(), 0), int(day))
    if found := NAME_DAY_YEAR.fullmatch(text):
        name, day, year = found.groups()
        return _date(int(year), MONTHS.get(name.casefold(), 0), int(day))
    return None


def parse_pattern(text: str, pattern: str) -> date | None:
    """The day that a text names in a pattern of strptime; None where it does not follow the pattern."""
    try:
        return datetime.strptime(text.strip(), pattern).date()
    except ValueError:
        return None


def looks_like_date(text: str) -> bool:
    """Whether a text is a date in either order of day and month."""
    return parse_date(text, "day-first") is not None or parse_date(text, "month-first") is not None


def detect_format(column: str, values: Iterable[str]) -> DateFormat:
    """The order of day and month that most of a column's (distinct) texts are dates in.

    Where both orders fit all, months that all begin on day 1 decide, else day-first is
    taken; the note then says so.
    """
    numeric = [found.groups() for text in values if (found := NUMERIC.fullmatch(TIME.sub("", text.strip()).strip()))]
    if not numeric:
        return DateFormat()
    day_first = sum(_valid(first, second) for first, second, _ in numeric)
    month_first = sum(_valid(second, first) for first, second, _ in numeric)
    if day_first > month_first:
        return DateFormat("day-first", f"Dates in '{column}' are read as {READ_AS['day-first']}.")
    if month_first > day_first:
        return DateFormat("month-first", f"Dates in '{column}' are read as {READ_AS['month-first']}.")
    firsts, seconds = {int(first) for first, _, _ in numeric}, {int(second) for _, second, _ in numeric}
    order: Order = "month-first" if seconds == {1} and firsts != {1} else "day-first"
    note = f"Dates in '{column}' fit day/month and month/day alike; they are read as {READ_AS[order]}."
    return DateFormat(order, note)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _full_year(text: str) -> int:
    """Two digits mean 1970 to 2069, as POSIX nearly has it."""
    year = int(text)
    return year if len(text) == 4 else year + (1900 if year >= 70 else 2000)


def _valid(day: str, month: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31
