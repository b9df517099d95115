"""Rules: what fills a field of a data set. A column, a constant, or a calculation with two columns. Light."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeGuard

from ml.errors import MappingError
from ml.etl.datasets import SALES, Dataset, Field
from ml.etl.dates import ORDERS, parse_date, parse_pattern
from ml.etl.flags import parse_flag
from ml.etl.numbers import NumberFormat

OPERATORS = ("*", "+", "-", "/")
SHAPES = (
    {"column", "factor", "format"},
    {"constant"},
    {"left", "op", "right", "factor"},
)
"""The keys that go together in a rule."""


@dataclass(frozen=True)
class Rule:
    """What fills a field: `constant`; or `column`; or `column op right`, `right` being a column or a number.

    Numbers are multiplied by `factor`. `format` says how dates are written: '' is told from the column, else one of
    `ml.etl.dates.ORDERS` or a pattern of strptime.
    """

    column: str = ""
    op: str = ""
    right: str | float = ""
    factor: float = 1.0
    format: str = ""
    constant: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        if self.constant is not None:
            return ()
        return (self.column, self.right) if self.op and isinstance(self.right, str) else (self.column,)

    def __str__(self) -> str:
        """As it is told to the user: 'Quantity' * 'UnitPrice'."""
        if self.constant is not None:
            return f"always {self.constant!r}"
        words = [repr(self.column)]
        if self.op:
            words += [self.op, repr(self.right) if isinstance(self.right, str) else f"{self.right:g}"]
        if self.factor != 1:
            words += ["*", f"{self.factor:g}"]
        return " ".join(words) + (f" ({self.format})" if self.format else "")


def rules(mapping: Mapping[str, Any], dataset: Dataset = SALES) -> dict[str, Rule]:
    """The rules of a mapping by field, in the order of the data set's fields.

    A field given as '' or null is left out. Raises MappingError for an unknown field and for a rule that is not
    of one of the shapes (see `SHAPES`) or does not suit the kind of its field.
    """
    fields = dataset.by_name
    if unknown := sorted(set(mapping) - set(fields)):
        raise MappingError(f"unknown field {unknown[0]!r}; expected some of {', '.join(fields)}.")
    given = {name: mapping[name] for name in fields if mapping.get(name) not in (None, "")}
    return {name: rule(fields[name], said) for name, said in given.items()}


def rule(field: Field, said: Any) -> Rule:
    """The rule that a mapping gives for a field; raises MappingError with what is wrong with it."""
    if isinstance(said, str):
        return Rule(column=said)
    if not isinstance(said, Mapping):
        raise _wrong(field, f"expected a column name or a rule such as {{'column': 'Qty', 'factor': 12}}, not {said!r}")
    keys = set(said)
    if not any(keys <= shape and min(shape, key=_lead) in keys for shape in SHAPES):
        raise _wrong(field, f"expected the keys {_shapes()}, not {', '.join(map(str, said)) or 'none'}")
    if "constant" in said:
        return Rule(constant=_constant(field, said["constant"]))
    if "left" in said:
        return _calculation(field, said)
    column = _text(field, said, "column")
    return Rule(column, factor=_factor(field, said), format=_format(field, said))


def _lead(key: str) -> int:
    """The key that a shape cannot do without comes first."""
    return 0 if key in ("column", "constant", "left") else 1


def _shapes() -> str:
    return "column (with factor or format), constant, or left, op and right (with factor)"


def _calculation(field: Field, said: Mapping[str, Any]) -> Rule:
    if field.kind != "number":
        raise _wrong(field, "only numbers can be calculated")
    if said.get("op") not in OPERATORS:
        raise _wrong(field, f"op is {said.get('op')!r}; expected one of {' '.join(OPERATORS)}")
    given = said.get("right")
    right = float(given) if _is_number(given) else _text(field, said, "right")
    if said["op"] == "/" and right == 0:
        raise _wrong(field, "right is 0; nothing can be divided by it")
    return Rule(_text(field, said, "left"), said["op"], right, _factor(field, said))


def _text(field: Field, said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        number = " or a number" if key == "right" else ""
        raise _wrong(field, f"{key} is {value!r}; expected the name of a column{number}")
    return value


def _factor(field: Field, said: Mapping[str, Any]) -> float:
    factor = said.get("factor", 1)
    if factor == 1 and _is_number(factor):
        return 1.0
    if field.kind != "number":
        raise _wrong(field, "only numbers take a factor")
    if not _is_number(factor) or factor == 0:
        raise _wrong(field, f"factor is {factor!r}; expected a number other than 0")
    return float(factor)


def _format(field: Field, said: Mapping[str, Any]) -> str:
    pattern = said.get("format") or ""
    if pattern and field.kind != "date":
        raise _wrong(field, "only dates take a format")
    if pattern and pattern not in ORDERS and not _is_pattern(pattern):
        raise _wrong(field, f"format is {pattern!r}; expected one of {', '.join(ORDERS)} or a pattern such as %d.%m.%Y")
    return pattern


def _is_pattern(pattern: Any) -> bool:
    """Whether it is a pattern of strptime that tells months and years."""
    days = [datetime(2024, 1, 1), datetime(2023, 2, 1)]
    try:
        return [parse_pattern(day.strftime(pattern), pattern) for day in days] == [day.date() for day in days]
    except (TypeError, ValueError):
        return False


def _constant(field: Field, value: Any) -> str:
    """A constant as text that its field can hold."""
    text = ("true" if value else "false") if isinstance(value, bool) else str(value) if value is not None else ""
    expected = {"date": "a date such as 2024-01-31", "number": "a number", "flag": "yes or no", "text": "some text"}
    good = {
        "date": lambda: parse_date(text) is not None,
        "number": lambda: NumberFormat(".").parse(text) is not None,
        "flag": lambda: parse_flag(text, field.name) is not None,
        "text": lambda: bool(text.strip()) and not isinstance(value, Mapping | list),
    }[field.kind]()
    if not good:
        raise _wrong(field, f"constant is {value!r}; expected {expected[field.kind]}")
    if field.kind == "text" and len(text.encode("utf-16-le")) // 2 > field.length:
        raise _wrong(field, f"constant is longer than {field.length} characters")
    if field.choices and text.strip().casefold() not in field.choices:
        raise _wrong(field, f"constant is {value!r}; expected one of {', '.join(field.choices)}")
    return text


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(field: Field, what: str) -> MappingError:
    return MappingError(f"the rule for {field.label} ({field.name}) is wrong: {what}.")
