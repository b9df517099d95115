"""Columns of text turned into columns of values, each cell with what is wrong with it. Whole columns at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ml.db.keys import normalise
from ml.etl.datasets import Field
from ml.etl.dates import READ_AS, Order, looks_like_date, parse_date, parse_pattern
from ml.etl.flags import parse_flag
from ml.etl.formulas import restore
from ml.etl.numbers import NumberFormat
from ml.etl.policy import Range
from ml.etl.sources.texts import UNREADABLE

Codes = npt.NDArray[np.int32]
Days = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.int8]
Problems = npt.NDArray[np.uint8]
"""Per cell an index into the reasons of its field; 0 where nothing is wrong."""

EPOCH = date(1970, 1, 1)
NO_DAY = int(np.iinfo(np.int32).min)
"""What stands for the day of an empty cell."""
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


@dataclass(frozen=True)
class Known:
    """What codes may be: `names` replaces codes, then `codes` are those that are known (None: all are fine)."""

    codes: frozenset[str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)


class DateReader:
    """Reads a date column to days since 1970, remembering what each distinct text means.

    `order` is an order of day and month or a pattern of strptime.
    """

    def __init__(self, field: Field, order: str, earliest: date, latest: date) -> None:
        self._field = field
        self._order = order
        self._earliest, self._latest = days_of(earliest), days_of(latest)
        self._known: dict[str, tuple[int, int]] = {}
        example = "such as 2024-01-31" if order in READ_AS else f"written as {order}"
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            f"not a date; expected one {example}",
            f"a date before {earliest.year}"
            if earliest == EPOCH
            else f"a date before {earliest}, the earliest allowed",
            f"a date too far in the future; expected {latest} at the latest",
            f"not a date when it is read as {READ_AS.get(order, order)}, like the rest of the column; "
            "write it in that order or as 2024-01-31",
        )

    def read(self, column: Any) -> tuple[Days, Problems]:
        """Days since 1970-01-01 and problems, a cell each; `NO_DAY` where a cell is empty."""
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
            return NO_DAY, 1 if self._field.required else 0
        if self._order not in READ_AS:
            day = parse_pattern(text, self._order)
        else:
            day = parse_date(text, cast(Order, self._order))
        if day is None:
            return NO_DAY, 5 if self._order in READ_AS and looks_like_date(text) else 2
        number = days_of(day)
        return number, 3 if number < self._earliest else 4 if number > self._latest else 0


class NumberReader:
    """Reads a number column, multiplied by a factor, rounded to the 4 decimals that the tables keep."""

    def __init__(self, field: Field, notation: NumberFormat, factor: float = 1.0, span: Range = (None, None)) -> None:
        """`span` is the least and the most that is allowed; the field's own minimum holds beside it."""
        self._format = notation
        self._field = field
        self._factor = factor
        given, most = span
        least = max((end for end in (field.minimum, given) if end is not None), default=None)
        self._span = (least, most)
        mark = f"decimal {'point' if notation.decimal == '.' else 'comma'}"
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            f"not a number; expected one with a {mark}",
            f"a number too large to keep; expected less than {LARGEST:,.0f}",
            f"out of range; expected {_span_words(least, most)}",
        )

    def read(self, column: Any) -> tuple[Numbers, Problems]:
        """Numbers and problems, a cell each; NaN for an empty cell, which is a problem where the field is required."""
        return self.finish(*self.parse(column))

    def parse(self, column: Any) -> tuple[Numbers, Problems]:
        """The numbers as they are written, and what is wrong with their texts."""
        numbers = self._cast(column)
        problems = np.zeros(len(numbers), dtype=np.uint8)
        missing = np.isnan(numbers)
        if missing.any():
            problems[missing] = 2
            empty = pc.equal(pc.utf8_trim_whitespace(column), "").to_numpy(zero_copy_only=False)
            problems[empty] = 1 if self._field.required else 0
        return numbers, problems

    def finish(self, numbers: Numbers, problems: Problems) -> tuple[Numbers, Problems]:
        """Numbers as the tables keep them, with what is wrong with their size."""
        least, most = self._span
        if self._factor != 1:
            with np.errstate(over="ignore"):
                numbers = numbers * self._factor
        problems[(np.abs(numbers) >= LARGEST) & (problems == 0)] = 3
        if least is not None:
            problems[(numbers < least) & (problems == 0)] = 4
        if most is not None:
            problems[(numbers > most) & (problems == 0)] = 4
        with np.errstate(over="ignore"):  # of numbers that are problems already
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
    """Reads a text column, normalised as `ml.db.keys.normalise` does, codes replaced by the ones that are known."""

    def __init__(self, field: Field, known: Known | None = None) -> None:
        self._field = field
        self._known = known or Known()
        self._choices = {choice.casefold(): choice for choice in field.choices}
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            f"longer than {field.length} characters",
            "the text cannot be decoded; save the file as UTF-8",
            f"an unknown {field.label.lower()}; expected one that is there already, or a replacement in the policy",
            f"not known here; expected one of {', '.join(field.choices)}",
        )

    def read(self, column: Any) -> tuple[TextColumn, Problems]:
        """Texts and problems, a cell each."""
        codes, texts = _encode(column)
        values = [self._value(text) for text in texts]
        problems = np.array([self._problem(value) for value in values], dtype=np.uint8)
        return TextColumn(codes, values), problems[codes]

    def _value(self, text: str) -> str:
        value = normalise(restore(text))
        if self._choices:
            return self._choices.get(value.casefold(), value)
        return self._known.names.get(value, value) if self._known.names else value

    def _problem(self, value: str) -> int:
        if not value:
            return 1 if self._field.required else 0
        if UNREADABLE in value:
            return 3
        # SQL Server counts UTF-16 units, of which a character has one or two.
        if len(value) * 2 > self._field.length and len(value.encode("utf-16-le")) // 2 > self._field.length:
            return 2
        if self._choices and value not in self._choices.values():
            return 5
        return 4 if self._known.codes is not None and value not in self._known.codes else 0


class FlagReader:
    """Reads a column of yes and no."""

    def __init__(self, field: Field) -> None:
        self._field = field
        self.reasons = (
            "",
            f"no {field.label.lower()} is given",
            "neither yes nor no; expected yes, no, true, false, 1 or 0",
        )

    def read(self, column: Any) -> tuple[Flags, Problems]:
        """1, 0, or -1 for an empty cell, and problems, a cell each."""
        codes, texts = _encode(column)
        found = [self._parse(text) for text in texts]
        flags = np.array([flag for flag, _ in found], dtype=np.int8)
        return flags[codes], np.array([problem for _, problem in found], dtype=np.uint8)[codes]

    def _parse(self, text: str) -> tuple[int, int]:
        if not text.strip():
            return -1, 1 if self._field.required else 0
        flag = parse_flag(text, self._field.name)
        return (-1, 2) if flag is None else (int(flag), 0)


def days_of(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def _span_words(least: float | None, most: float | None) -> str:
    if least is not None and most is not None:
        return f"{least:g} to {most:g}"
    return f"at least {least:g}" if least is not None else f"at most {most:g}" if most is not None else "any"


def _encode(column: Any) -> tuple[Codes, Sequence[str]]:
    encoded = pc.dictionary_encode(column)
    return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _finite(column: Any) -> npt.NDArray[np.float64]:
    """A writable array, in which 'inf' is no number either."""
    numbers = np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    return numbers
