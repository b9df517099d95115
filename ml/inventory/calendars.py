"""Suppliers' calendars as people write them: weekdays by name or digit, and days closed."""

from __future__ import annotations

import re
from datetime import date

from ml.errors import DataError
from ml.inventory.suppliers import EVERY_DAY, Calendar

NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DIGITS = re.compile(r"[01]{7}")


def read_calendar(orders: str, deliveries: str, closed: str) -> Calendar | None:
    """The calendar that a supplier's row describes; None where it says nothing.

    One kind of weekdays alone holds for the other as well. Raises DataError for what is no weekday and no day.
    """
    if not (orders.strip() or deliveries.strip() or closed.strip()):
        return None
    week = read_weekdays(orders.strip() or deliveries)
    return Calendar(week, read_weekdays(deliveries.strip() or orders), read_days(closed))


def read_weekdays(text: str) -> str:
    """'Mon Wed-Fri' or '1011100' as a digit per weekday, Monday first; every day where nothing is said."""
    text = text.strip().lower()
    if not text:
        return EVERY_DAY
    if DIGITS.fullmatch(text) and "1" in text:
        return text
    found: set[int] = set()
    for part in re.split(r"[\s,;]+", text):
        first, _, last = part.partition("-")
        start, end = _weekday(first, text), _weekday(last or first, text)
        found |= {(start + step) % 7 for step in range((end - start) % 7 + 1)}
    return "".join("1" if day in found else "0" for day in range(7))


def read_days(text: str) -> tuple[date, ...]:
    """Days as 2026-12-24, between them commas or blanks."""
    try:
        return tuple(sorted(date.fromisoformat(part) for part in re.split(r"[\s,;]+", text) if part))
    except ValueError:
        raise DataError(f"the closed days are {text!r}; expected days such as 2026-12-24, 2026-12-25.") from None


def _weekday(word: str, text: str) -> int:
    if len(word) < 2 or not (found := [i for i, name in enumerate(NAMES) if name.startswith(word)]):
        raise DataError(f"the weekdays are {text!r}; expected names such as Mon Wed-Fri, or digits such as 1011100.")
    return found[0]
