"""Columns of text turned into columns of values, each cell with what is wrong with it. Whole columns at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.db.keys import normalise
from ml.etl.datasets import Field
from ml.etl.dates import Order, parse_date
from ml.etl.numbers import NumberFormat
from ml.etl.sources.encoding import UNREADABLE

Codes = npt.NDArray[np.int32]
Problems = npt.NDArray[np.uint8]
"""Per cell an index into the reasons of its field; 0 where nothing is wrong."""

EPOCH = date(1970, 1, 1)
LARGEST = 1e11
"""Amounts stay below this: with 4 decimals a float is exact to 15 digits, and a month's sum of them must fit
into NUMERIC(18, 4), which holds 14 digits before the point."""


@dataclass(frozen=True)
class TextColumn:
    """Normalised texts, each stored once: row i holds `values[codes[i]]`."""

    codes: Codes
    values: list[str]

    def take(self, rows: npt.NDArray[np.bool_]) -> TextColumn:
        """Only the rows that are marked, and only the texts that they hold."""
        if rows.all():
            return self
        codes, used = pd.factorize(self.codes[rows])
        return TextColumn(codes.astype(np.int32), [self.values[code] for code in used])

    def strings(self) -> Any:
        """One text a row, as an arrow array."""
        return pc.take(pa.array(self.values, pa.string()), pa.array(self.codes))


class DateReader:
    """Reads a date column to days since 1970, remembering what each distinct text means."""

    reasons = (
        "",
        "no date is given",
        "not a date; expected one such as 2024-01-31",
        "a date before 1970",
        "a date more than a year in the future",
    )

    def __init__(self, order: Order, today: date) -> None:
        self._order = order
        self._latest = (today + timedelta(days=366) - EPOCH).days
        self._known: dict[str, tuple[int, int]] = {}

    def read(self, column: Any) -> tuple[npt.NDArray[np.int32], Problems]:
        """Days since 1970-01-01 and problems, a cell each."""
        codes, texts = _encode(column)
        found = [self._known.get(text) or self._day(text) for text in texts]
        days = np.array([day for day, _ in found], dtype=np.int32)
        problems = np.array([problem for _, problem in found], dtype=np.uint8)
        return days[codes], problems[codes]

    def _day(self, text: str) -> tuple[int, int]:
        found = self._known[text] = self._parse(text)
        return found

    def _parse(self, text: str) -> tuple[int, int]:
        if not text.strip():
            return 0, 1
        day = parse_date(text, self._order)
        if day is None:
            return 0, 2
        number = (day - EPOCH).days
        return number, 3 if number < 0 else 4 if number > self._latest else 0


class NumberReader:
    """Reads a number column, rounded to the 4 decimals that the tables keep."""

    def __init__(self, field: Field, notation: NumberFormat) -> None:
        self._format = notation
        self._field = field
        mark = f"decimal {'point' if notation.decimal == '.' else 'comma'}"
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            f"not a number; expected one with a {mark}",
            f"a number too large to keep; expected less than {LARGEST:,.0f}",
        )

    def read(self, column: Any) -> tuple[npt.NDArray[np.float64], Problems]:
        """Numbers and problems, a cell each; an empty cell is 0, and a problem where the field is required."""
        numbers = self._cast(column)
        problems = np.zeros(len(numbers), dtype=np.uint8)
        problems[np.isnan(numbers)] = 2
        problems[np.abs(numbers) >= LARGEST] = 3
        if np.isnan(numbers).any():
            empty = pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
            problems[empty] = 1 if self._field.required else 0
        numbers[np.isnan(numbers)] = 0.0
        return np.rint(numbers * 1e4) / 1e4 + 0.0, problems  # + 0.0 turns -0.0 into 0.0

    def _cast(self, column: Any) -> npt.NDArray[np.float64]:
        """Numbers, NaN for what is none: plain ones all at once, the odd ones one by one."""
        if self._format.decimal == ".":
            try:
                return _finite(pc.cast(column, pa.float64()))
            except pa.ArrowInvalid:
                pass  # some cell is empty, grouped, or no number
        plain = pc.match_substring_regex(column, self._format.pattern)
        digits = pc.replace_substring(column, self._format.grouping, "")
        digits = pc.replace_substring(digits, self._format.decimal, ".")
        numbers = _finite(pc.cast(pc.if_else(plain, digits, "nan"), pa.float64()))
        odd = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
        numbers[odd] = [self._number(text) for text in column.take(pa.array(odd)).to_pylist()]
        return numbers

    def _number(self, text: str) -> float:
        number = self._format.parse(text)
        return math.nan if number is None else number


class TextReader:
    """Reads a text column, normalised as `ml.db.keys.normalise` does."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            f"longer than {field.length} characters",
            "the text cannot be decoded; save the file as UTF-8",
        )

    def read(self, column: Any) -> tuple[TextColumn, Problems]:
        """Texts and problems, a cell each."""
        codes, texts = _encode(column)
        values = [normalise(text) for text in texts]
        problems = np.array([self._problem(value) for value in values], dtype=np.uint8)
        return TextColumn(codes, values), problems[codes]

    def _problem(self, value: str) -> int:
        if not value:
            return 1 if self._field.required else 0
        if UNREADABLE in value:
            return 3
        # SQL Server counts UTF-16 units, of which a character has one or two.
        return (
            2 if len(value) * 2 > self._field.length and len(value.encode("utf-16-le")) // 2 > self._field.length else 0
        )


def _encode(column: Any) -> tuple[Codes, Sequence[str]]:
    encoded = pc.dictionary_encode(column)
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _finite(column: Any) -> npt.NDArray[np.float64]:
    """A writable array, in which 'inf' is no number either."""
    numbers = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers
