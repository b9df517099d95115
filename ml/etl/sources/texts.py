"""Canonical texts of typed values: ISO dates, a decimal point, 'true' and 'false', '' for none."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

UNREADABLE = "\ufffd"
"""What stands where bytes were no text, and for NUL, which no database takes."""

SURROGATES = dict.fromkeys((0, *range(55296, 57344)), UNREADABLE)


def readable(text: str) -> str:
    """A text that every database and encoding takes."""
    return text if text.isascii() and "\0" not in text else text.translate(SURROGATES)


def text_of(value: Any) -> str:  # noqa: PLR0911 - one for each type
    """The canonical text of a value such as a database, a workbook or JSON gives.

    A time of day is kept unless it is midnight; a whole float is written without '.0', and
    not-a-number as nothing.
    """
    match value:
        case None:
            return ""
        case str():
            return readable(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value) if abs(value) < 1 << 1000 else f"{value:#x}"  # Python writes no longer ones
        case float():
            return _float(value)
        case Decimal():
            return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 400 else _float(float(value))
        case datetime():
            midnight = value.time() == time(0)
            return value.date().isoformat() if midnight else value.replace(tzinfo=None).isoformat("T")
        case date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return readable(bytes(value).decode("utf-8", "replace"))
    return readable(str(value))


def _float(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if abs(value) < 1e15 and value == int(value) else repr(value)
