"""What is fetched from databases and APIs: chunks of rows as text, and how far a source was read. Light."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from ml.errors import SourceError
from ml.secrets import Secret
from ml.settings import Settings

LONGEST = 120
"""Characters of a watermark that are kept."""

EXACT = 40
"""Digits before or after the point up to which a number is written out."""

DAY = re.compile(r"\d{4}-\d{2}-\d{2}[ T]")

Kind = Literal["integer", "decimal", "date", "datetime", "text"]


@dataclass(frozen=True)
class Connection:
    """All that it takes to read a source of some kind; `engine` says what sources may reach."""

    kind: str
    settings: Mapping[str, Any]
    secret: Secret
    engine: Settings


@dataclass(frozen=True)
class Chunk:
    """Some rows, each with a text for each column; '' stands for null."""

    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Watermark:
    """The highest value of a source's watermark column so far, with its type, to be compared with in its own terms."""

    kind: Kind
    text: str

    @classmethod
    def of(cls, value: Any) -> Watermark:
        """The watermark that a value of the column makes; raises SourceError for a type that has no order."""
        kinds: dict[type, Kind] = {int: "integer", datetime: "datetime", date: "date", str: "text"}
        kind = "decimal" if isinstance(value, Decimal | float) else kinds.get(type(value))
        if kind is None or len(text_of(value)) > LONGEST:
            raise SourceError(
                f"the watermark column holds {type(value).__name__} values, such as {str(value)[:40]!r}; expected a "
                "date, a time stamp, a number or a short text. Choose another column."
            )
        return cls(kind, text_of(value))

    def floored(self) -> Watermark:
        """The beginning of the day that a point in time is on; other watermarks as they are."""
        if self.kind == "datetime":
            return Watermark(self.kind, datetime.combine(self.value(), time(), self.value().tzinfo).isoformat())
        return Watermark(self.kind, self.text[:10]) if self.kind == "text" and DAY.match(self.text) else self

    def value(self, overlap: float = 0) -> Any:
        """The value to fetch from, `overlap` days (or units, of a number) before the watermark."""
        if self.kind == "text":
            return self.text
        if self.kind == "date":
            return date.fromisoformat(self.text) - timedelta(days=overlap)
        if self.kind == "datetime":
            return datetime.fromisoformat(self.text) - timedelta(days=overlap)
        return int(self.text) - int(overlap) if self.kind == "integer" else Decimal(self.text) - Decimal(str(overlap))


@dataclass
class Reading:
    """What is known once a source was read: how far it went, how its rows looked, and what is to be told of it."""

    watermark: Watermark | None = None
    shape: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def text_of(value: Any) -> str:  # noqa: PLR0911  (one line a type)
    """A value as text: ISO dates, a decimal point, true and false, '' for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return _number(Decimal(repr(value)) if isinstance(value, float) else value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _number(value: Decimal) -> str:
    """Without an exponent where it can be; never with a digit lost."""
    if not value.is_finite():
        return ""
    exact = abs(value.adjusted()) <= EXACT
    text = format(value, "f") if exact else str(value)
    return text.rstrip("0").rstrip(".") if exact and "." in text else text
