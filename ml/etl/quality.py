"""Checks: rows that can be loaded are told from rows that cannot, cell and reason named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.etl.columns import DateReader, NumberReader, Problems, TextColumn, TextReader
from ml.etl.datasets import Field
from ml.etl.mapping import FIELDS
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
    """The good rows of a batch as typed columns of equal length."""

    days: npt.NDArray[np.int32]
    """Days since 1970-01-01."""
    numbers: Mapping[str, npt.NDArray[np.float64]]
    texts: Mapping[str, TextColumn]

    def __len__(self) -> int:
        return len(self.days)


class Checker:
    """Checks the batches of one file against what its fields must hold."""

    def __init__(self, mapping: Mapping[str, str], survey: Survey, today: date) -> None:
        self.blank_rows = 0
        self._mapping = mapping
        self._readers = {field.name: _reader(field, survey, today) for field in FIELDS if field.name in mapping}

    def check(self, batch: Batch) -> tuple[CheckedBatch, list[Rejection]]:
        """The good rows, and a rejection for each other one that is not empty altogether."""
        values: dict[str, Any] = {}
        wrong_field = np.full(len(batch), -1, dtype=np.int16)
        wrong_reason = np.zeros(len(batch), dtype=np.uint8)
        for position, (name, reader) in enumerate(self._readers.items()):
            values[name], problems = reader.read(batch.columns[self._mapping[name]])
            _note(problems, position, wrong_field, wrong_reason)
        rejections = self._reject(batch, wrong_field, wrong_reason) if (wrong_field >= 0).any() else []
        return _keep(values, wrong_field < 0), rejections

    def _reject(self, batch: Batch, wrong_field: npt.NDArray[np.int16], wrong_reason: Problems) -> list[Rejection]:
        names = list(self._readers)
        wrong = np.flatnonzero(wrong_field >= 0)
        cells = pa.table(list(batch.columns.values()), names=list(batch.columns)).take(pa.array(wrong)).to_pylist()
        rejections = []
        for row, cell in zip(wrong, cells, strict=True):
            if not any(text.strip() for text in cell.values()):
                self.blank_rows += 1
                continue
            name = names[wrong_field[row]]
            column = self._mapping[name]
            reason = self._readers[name].reasons[wrong_reason[row]]
            rejections.append(Rejection(int(batch.numbers[row]), column, cell[column], reason, cell))
        return rejections


def reject_malformed(row: Malformed) -> Rejection:
    """The rejection of a row that is not written like the others."""
    reason = f"the row has {row.fields} fields where the header has {row.expected}; check quotation marks"
    return Rejection(row.number, "", "", row.reason or reason, row.row)


def _reader(field: Field, survey: Survey, today: date) -> DateReader | NumberReader | TextReader:
    if field.kind == "date":
        return DateReader(survey.dates.order, today)
    return NumberReader(field, survey.numbers[field.name]) if field.kind == "number" else TextReader(field)


def _note(problems: Problems, position: int, wrong_field: npt.NDArray[np.int16], wrong_reason: Problems) -> None:
    """Keep the first problem of each row."""
    new = (problems > 0) & (wrong_field < 0)
    wrong_field[new] = position
    wrong_reason[new] = problems[new]


def _keep(values: Mapping[str, Any], good: npt.NDArray[np.bool_]) -> CheckedBatch:
    """The good rows, fields that no column is mapped to being empty or 0."""
    count = int(good.sum())
    numbers = {
        field.name: values[field.name][good] if field.name in values else np.zeros(count)
        for field in FIELDS
        if field.kind == "number"
    }
    texts = {
        field.name: values[field.name].take(good)
        if field.name in values
        else TextColumn(np.zeros(count, dtype=np.int32), [""])
        for field in FIELDS
        if field.kind == "text"
    }
    return CheckedBatch(values["sale_date"][good], numbers, texts)
