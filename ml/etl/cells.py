"""The cells of a field as its rule says: read from a column, one constant for all, or calculated from two columns."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from ml.etl.columns import DateReader, FlagReader, Known, NumberReader, Problems, TextColumn, TextReader
from ml.etl.datasets import Field
from ml.etl.numbers import NumberFormat
from ml.etl.policy import DEFAULT, Policy
from ml.etl.rules import Rule
from ml.etl.sources.rows import Batch
from ml.etl.survey import Survey

Reader = DateReader | NumberReader | TextReader | FlagReader
CALCULATE = {"*": operator.mul, "+": operator.add, "-": operator.sub, "/": operator.truediv}
RIGHT = 100
"""Added to the problems of a calculation's right column."""
BY_ZERO = 50
SHOWN = 40
"""Characters of a cell that are shown in a reason."""


@dataclass(frozen=True)
class Checks:
    """What is checked beside the kinds of fields; `known` are the codes that a field may hold (`ml.etl.known`)."""

    today: date
    policy: Policy = DEFAULT
    known: Mapping[str, Known] = dataclass_field(default_factory=dict)


class Cells(Protocol):
    """The cells of one field."""

    def read(self, batch: Batch) -> tuple[Any, Problems]:
        """Values and problems, a row each; a problem is 0 where nothing is wrong."""

    def explain(self, problem: int, row: Mapping[str, str]) -> tuple[str, str, str]:
        """The column, its value and the reason of a row's problem."""


def cells_of(field: Field, rule: Rule, survey: Survey, checks: Checks) -> Cells:
    """How a field's cells are read."""
    if rule.constant is not None:
        return _Constant(_reader(field, Rule(), Survey(0), checks), rule.constant)
    reader = _reader(field, rule, survey, checks)
    if rule.op and isinstance(reader, NumberReader):
        return _Calculation(field, rule, survey, reader)
    return _Column(reader, rule.column)


class _Column:
    def __init__(self, reader: Reader, column: str) -> None:
        self._reader = reader
        self._column = column

    def read(self, batch: Batch) -> tuple[Any, Problems]:
        return self._reader.read(batch.columns[self._column])

    def explain(self, problem: int, row: Mapping[str, str]) -> tuple[str, str, str]:
        return self._column, row[self._column], self._reader.reasons[problem]


class _Constant:
    def __init__(self, reader: Reader, text: str) -> None:
        self._text = text
        self._reasons = reader.reasons
        self._value: Any
        self._value, self._problems = reader.read(pa.array([text]))

    def read(self, batch: Batch) -> tuple[Any, Problems]:
        problems = np.repeat(self._problems, len(batch))
        if isinstance(self._value, TextColumn):
            return TextColumn(np.zeros(len(batch), dtype=np.int32), self._value.values), problems
        return np.repeat(self._value, len(batch)), problems

    def explain(self, problem: int, row: Mapping[str, str]) -> tuple[str, str, str]:  # noqa: ARG002
        return "", self._text, f"the constant of the mapping is {self._reasons[problem]}"


class _Calculation:
    """Left op right; each cell is checked for itself, and the result like any number."""

    def __init__(self, field: Field, rule: Rule, survey: Survey, result: NumberReader) -> None:
        self._field = field
        self._rule = rule
        self._result = result
        self._left, self._right = (
            NumberReader(field, survey.numbers.get(column, NumberFormat())) for column in (rule.column, str(rule.right))
        )

    def read(self, batch: Batch) -> tuple[Any, Problems]:
        left, problems = self._left.parse(batch.columns[self._rule.column])
        right: Any = self._rule.right
        if isinstance(right, str):
            right, wrong = self._right.parse(batch.columns[right])
            problems = np.where(problems > 0, problems, np.where(wrong > 0, wrong + RIGHT, 0)).astype(np.uint8)
        if self._rule.op == "/":
            problems[(right == 0) & (problems == 0)] = BY_ZERO
        return self._result.finish(self._apply(left, right), problems)

    def explain(self, problem: int, row: Mapping[str, str]) -> tuple[str, str, str]:
        right = self._rule.right if isinstance(self._rule.right, str) else self._rule.column
        column = right if problem >= BY_ZERO else self._rule.column
        if problem == BY_ZERO:
            reason = "0, by which nothing can be divided; expected another number"
        else:
            reader = self._right if problem > RIGHT else self._left if problem < 3 else self._result
            reason = reader.reasons[problem % RIGHT]
        cells = ", ".join(f"{name!r} is {row[name][:SHOWN]!r}" for name in self._rule.columns)
        return column, row[column], f"{reason} ({self._field.label} is {self._rule}; {cells})"

    def _apply(self, left: Any, right: Any) -> Any:
        with np.errstate(all="ignore"):
            return CALCULATE[self._rule.op](left, right)


def _reader(field: Field, rule: Rule, survey: Survey, checks: Checks) -> Reader:
    policy = checks.policy
    if field.kind == "date":
        order = rule.format or survey.order(rule.column)
        return DateReader(field, order, policy.earliest(field.name), policy.latest(field.name, checks.today))
    if field.kind == "number":
        notation = survey.numbers.get(rule.column, NumberFormat())
        return NumberReader(field, notation, rule.factor, policy.ranges.get(field.name, (None, None)))
    return FlagReader(field) if field.kind == "flag" else TextReader(field, checks.known.get(field.name))
