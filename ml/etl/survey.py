"""A first reading of a whole file: can it be read to its end, how many rows, how are dates and numbers written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import IO, Any

import pyarrow.compute as pc

from ml.etl.datasets import SALES, Dataset
from ml.etl.dates import DateFormat, Order, detect_format
from ml.etl.numbers import COMMA_DECIMAL, POINT_DECIMAL, NumberFormat
from ml.etl.rules import Rule
from ml.etl.sources.files import FileSample
from ml.etl.sources.rows import open_rows
from ml.progress import Progress, silent

ISO_DATE = r"^\s*\d{4}"


@dataclass(frozen=True)
class Survey:
    """What holds for a whole file, by column: the order of its dates, the notation of its numbers."""

    rows: int
    dates: Mapping[str, DateFormat] = field(default_factory=dict)
    numbers: Mapping[str, NumberFormat] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the user should know of how the file was read."""
        return [found.note for found in self.dates.values() if found.note]

    def order(self, column: str) -> Order:
        """The order of day and month in a column."""
        return self.dates.get(column, DateFormat()).order


def survey(
    file: IO[bytes],
    sample: FileSample,
    rules: Mapping[str, Rule],
    dataset: Dataset = SALES,
    progress: Progress = silent,
) -> Survey:
    """Read the file once for the columns that need a format; raises SourceError where it breaks off."""
    dated, numeric = needed(rules, dataset)
    reader = open_rows(file, sample, sorted({*dated, *numeric}) or sample.columns[:1])
    days: dict[str, set[str]] = {column: set() for column in dated}
    evidence: Counter[tuple[str, str]] = Counter()
    rows = 0
    for batch in reader:
        rows += len(batch)
        for column in dated:
            days[column] |= _ambiguous_days(batch.columns[column])
        for column in numeric:
            for decimal, count in _evidence(batch.columns[column]).items():
                evidence[column, decimal] += count
        progress("reading", rows)
    formats = {c: NumberFormat("," if evidence[c, ","] > evidence[c, "."] else ".") for c in numeric}
    orders = {column: detect_format(column, texts) for column, texts in days.items()}
    return Survey(rows + len(reader.take_malformed()), orders, formats)


def needed(rules: Mapping[str, Rule], dataset: Dataset) -> tuple[list[str], list[str]]:
    """The columns of dates whose format no rule says, and the columns of numbers."""
    kinds = {name: dataset.by_name[name].kind for name in rules}
    dated = (rule.columns for name, rule in rules.items() if kinds[name] == "date" and not rule.format)
    numeric = (rule.columns for name, rule in rules.items() if kinds[name] == "number")
    return list(dict.fromkeys(chain(*dated))), list(dict.fromkeys(chain(*numeric)))


def _ambiguous_days(column: Any) -> set[str]:
    """The distinct texts of a column that do not begin with a year."""
    distinct = pc.unique(column)
    return set(distinct.filter(pc.invert(pc.match_substring_regex(distinct, ISO_DATE))).to_pylist())


def _evidence(column: Any) -> dict[str, int]:
    """How many texts of a column show a decimal comma, and how many a decimal point."""
    commas = column.filter(pc.match_substring(column, ","))
    grouped = column.filter(pc.match_substring_regex(column, r"\.\d{3}\."))
    points = column.filter(pc.match_substring(column, "."))
    if len(commas) == 0 and len(grouped) == 0:
        return {".": len(points)}
    return {
        ",": _matches(commas, COMMA_DECIMAL) + len(grouped),
        ".": _matches(points, POINT_DECIMAL),
    }


def _matches(column: Any, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(column, pattern)).as_py() or 0)
