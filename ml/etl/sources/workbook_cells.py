"""Cells of workbooks as canonical texts: numbers, dates by their number format, shared strings."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from ml.errors import SourceError
from ml.etl.sources.texts import readable, text_of

BUILT_IN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
NOT_LETTERS = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]|general', re.IGNORECASE)
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
DAY_60 = 60  # 29 February 1900, which never was, but which Excel counts
LAST_DAY = 2_958_466  # the first of the year 10000


class CellTexts:
    """The text of a cell from its type, its style and what it holds."""

    def __init__(self, string: Callable[[int], str], dates: frozenset[int], since_1904: bool) -> None:
        """`string` gives a shared string, `dates` are the styles that show numbers as dates."""
        self._string, self._dates, self._since_1904 = string, dates, since_1904

    def text(self, kind: str, style: str, value: str) -> str:
        """The canonical text of a cell; raises SourceError for a cell that is not written as workbooks are."""
        if kind == "s":
            return self._string(_whole(value))
        if kind in ("n", ""):
            return self._date(value) if self._dates and _whole(style or "0") in self._dates else number_text(value)
        if kind == "b":
            return "true" if value.strip() == "1" else "false"
        if kind == "d":
            return value.strip().removesuffix("T00:00:00").removesuffix("T00:00:00Z")
        return unescape(value)

    def _date(self, value: str) -> str:
        """The day, with its time unless that is midnight; a time alone where there is no day."""
        try:
            number = float(value)
        except ValueError:
            return readable(value)
        if not 0 <= number < LAST_DAY:  # NaN included
            return number_text(value)
        seconds = round(number * 86_400)
        if seconds < 86_400:
            return str((datetime(1904, 1, 1) + timedelta(seconds=seconds)).time())
        start = datetime(1904, 1, 1) if self._since_1904 else datetime(1899, 12, 30 + (number < DAY_60))
        return text_of(start + timedelta(seconds=seconds))


def number_text(value: str) -> str:
    """A number as short as it can be told: workbooks hold 1.1000000000000001 for 1.1."""
    try:
        return text_of(float(value)) if len(value) < 40 and not value.lstrip("-").isdigit() else value.strip()
    except ValueError:
        return readable(value)


def unescape(text: str) -> str:
    """A text without the _x000D_ that workbooks write for characters that XML has not."""
    if "_x" in text:
        text = ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return readable(text)


def date_styles(styles: Any) -> frozenset[int]:
    """The cell styles that show a number as a date, from the part that holds all styles (None: there are none)."""
    if styles is None:
        return frozenset()
    codes = {fmt.get("numFmtId"): fmt.get("formatCode", "") for fmt in styles.iterfind("{*}numFmts/{*}numFmt")}
    found = set()
    for position, style in enumerate(styles.iterfind("{*}cellXfs/{*}xf")):
        number = style.get("numFmtId", "0")
        if is_date_format(codes[number]) if number in codes else number.isdigit() and int(number) in BUILT_IN_DATES:
            found.add(position)
    return frozenset(found)


def is_date_format(code: str) -> bool:
    """Whether a number format shows a point in time: it has letters for year, month, day, hour or second."""
    code = code.split(";", maxsplit=1)[0]
    return not ELAPSED.search(code) and bool(re.search("[ymdhs]", NOT_LETTERS.sub("", code), re.IGNORECASE))


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SourceError(f"the workbook is damaged: {text[:40]!r} stands where a number is expected.") from None
