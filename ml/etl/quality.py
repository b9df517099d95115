"""Checks: rows that can be loaded are told from rows that cannot, cell and reason named."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.etl.cells import Checks, cells_of
from ml.etl.columns import NO_DAY, Days, Flags, Numbers, Problems, TextColumn, days_of
from ml.etl.datasets import SALES, Dataset, Field
from ml.etl.policy import PLANNED
from ml.etl.rules import Rule
from ml.etl.sources.rows import Batch, Malformed
from ml.etl.survey import Survey


@dataclass(frozen=True)
class Rejection:
    """A row that cannot be loaded: its number, the cell that is wrong, why, and the row as it was."""

    row_number: int
    column: str
    value: str
    reason: str
    row: Mapping[str, str]


@dataclass(frozen=True)
class CheckedBatch:
    """The good rows of a batch as typed columns of equal length, by field. All fields of the data set are there.

    An empty cell is `NO_DAY`, NaN, '' or, as a flag, -1; of sales, an empty number is 0.
    """

    rows: npt.NDArray[np.int32]
    """Their numbers in the file."""
    dates: Mapping[str, Days]
    """Days since 1970-01-01."""
    numbers: Mapping[str, Numbers]
    texts: Mapping[str, TextColumn]
    flags: Mapping[str, Flags]
    """1 for yes, 0 for no."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def days(self) -> Days:
        """The days of sales."""
        return self.dates["sale_date"]

    def cells(self, name: str) -> list[Any]:
        """A field's values as Python has them: dates, floats, texts, booleans; None for an empty cell but of text."""
        if name in self.texts:
            texts: list[Any] = self.texts[name].strings().to_pylist()
            return texts
        if name in self.dates:
            days = self.dates[name]
            found: list[Any] = pa.array(days, pa.int32(), mask=days == NO_DAY).cast(pa.date32()).to_pylist()
            return found
        if name in self.numbers:
            return [None if math.isnan(number) else number for number in self.numbers[name].tolist()]
        return [None if flag < 0 else bool(flag) for flag in self.flags[name].tolist()]


class Checker:
    """Checks the batches of one file against what the fields of its data set must hold."""

    def __init__(self, rules: Mapping[str, Rule], survey: Survey, checks: Checks, dataset: Dataset = SALES) -> None:
        self.blank_rows = 0
        self._future: Counter[str] = Counter()
        self._today = days_of(checks.today)
        self._dataset = dataset
        fields = dataset.by_name
        self._cells = {name: cells_of(fields[name], rule, survey, checks) for name, rule in rules.items()}

    @property
    def notes(self) -> list[str]:
        """What the user should know of the rows that were read so far."""
        notes = [f"{self.blank_rows:,} empty rows were left out."] if self.blank_rows else []
        labels = self._dataset.by_name
        return notes + [
            f"{rows:,} rows lie in the future by their {labels[name].label.lower()}; they are loaded as they stand."
            for name, rows in self._future.items()
        ]

    def check(self, batch: Batch) -> tuple[CheckedBatch, list[Rejection]]:
        """The good rows, and a rejection for each other one that is not empty altogether."""
        values: dict[str, Any] = {}
        wrong_field = np.full(len(batch), -1, dtype=np.int16)
        wrong_reason = np.zeros(len(batch), dtype=np.uint8)
        for position, (name, cells) in enumerate(self._cells.items()):
            values[name], problems = cells.read(batch)
            _note(problems, position, wrong_field, wrong_reason)
        rejections = self._reject(batch, wrong_field, wrong_reason) if (wrong_field >= 0).any() else []
        good = _keep(values, wrong_field < 0, batch.numbers, self._dataset)
        self._count_future(good)
        return good, rejections

    def _count_future(self, good: CheckedBatch) -> None:
        for name in self._cells.keys() & good.dates.keys() - PLANNED:
            if rows := int((good.dates[name] > self._today).sum()):
                self._future[name] += rows

    def _reject(self, batch: Batch, wrong_field: npt.NDArray[np.int16], wrong_reason: Problems) -> list[Rejection]:
        names = list(self._cells)
        wrong = np.flatnonzero(wrong_field >= 0)
        cells = pa.table(list(batch.columns.values()), names=list(batch.columns)).take(pa.array(wrong)).to_pylist()
        rejections = []
        for row, cell in zip(wrong, cells, strict=True):
            if not any(text.strip() for text in cell.values()):
                self.blank_rows += 1
                continue
            column, value, reason = self._cells[names[wrong_field[row]]].explain(int(wrong_reason[row]), cell)
            rejections.append(Rejection(int(batch.numbers[row]), column, value, reason, cell))
        return rejections


def reject_malformed(row: Malformed) -> Rejection:
    """The rejection of a row that is not written like the others."""
    reason = f"the row has {row.fields} fields where the header has {row.expected}; check quotation marks"
    return Rejection(row.number, "", "", row.reason or reason, row.row)


def _note(problems: Problems, position: int, wrong_field: npt.NDArray[np.int16], wrong_reason: Problems) -> None:
    """Keep the first problem of each row."""
    new = (problems > 0) & (wrong_field < 0)
    wrong_field[new] = position
    wrong_reason[new] = problems[new]


def _keep(
    values: Mapping[str, Any], good: npt.NDArray[np.bool_], numbers: npt.NDArray[np.int32], dataset: Dataset
) -> CheckedBatch:
    """The good rows, fields that no rule fills being empty."""
    count = int(good.sum())
    kept: dict[str, dict[str, Any]] = {"date": {}, "number": {}, "text": {}, "flag": {}}
    for field in dataset.fields:
        if field.name not in values:
            kept[field.kind][field.name] = _empty(field, count)
        elif field.kind == "text":
            kept["text"][field.name] = values[field.name].take(good)
        else:
            kept[field.kind][field.name] = values[field.name] if count == len(good) else values[field.name][good]
    if dataset is SALES:
        kept["number"] = {name: np.nan_to_num(column, nan=0.0) for name, column in kept["number"].items()}
    return CheckedBatch(numbers[good], kept["date"], kept["number"], kept["text"], kept["flag"])


def _empty(field: Field, count: int) -> Any:
    match field.kind:
        case "date":
            return np.full(count, NO_DAY, dtype=np.int32)
        case "number":
            return np.full(count, np.nan)
        case "flag":
            return np.full(count, -1, dtype=np.int8)
    return TextColumn(np.zeros(count, dtype=np.int32), [""])
