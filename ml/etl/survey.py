"""A first reading of a whole file: can it be read to its end, how many rows, how are dates and numbers written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow.compute as pc

from ml.etl.dates import DateFormat, detect_format
from ml.etl.mapping import FIELD
from ml.etl.numbers import COMMA_DECIMAL, POINT_DECIMAL, NumberFormat
from ml.etl.sources.files import FileSample
from ml.etl.sources.rows import open_rows
from ml.progress import Progress, silent

ISO_DATE = r"^\s*\d{4}"


@dataclass(frozen=True)
class Survey:
    """What holds for a whole file; `numbers` is the notation by mapped number field."""

    rows: int
    dates: DateFormat = field(default_factory=DateFormat)
    numbers: Mapping[str, NumberFormat] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the user should know of how the file was read."""
        return [self.dates.note] if self.dates.note else []


def survey(file: IO[bytes], sample: FileSample, mapping: Mapping[str, str], progress: Progress = silent) -> Survey:
    """Read the file once for the columns that need a format; raises SourceError where it breaks off."""
    numeric = [name for name in mapping if FIELD[name].kind == "number"]
    reader = open_rows(file, sample, sorted({mapping[name] for name in (*numeric, "sale_date")}))
    days: set[str] = set()
    evidence: Counter[tuple[str, str]] = Counter()
    rows = 0
    for batch in reader:
        rows += len(batch)
        days |= _ambiguous_days(batch.columns[mapping["sale_date"]])
        for name in numeric:
            for decimal, count in _evidence(batch.columns[mapping[name]]).items():
                evidence[name, decimal] += count
        progress("reading", rows)
    formats = {name: NumberFormat("," if evidence[name, ","] > evidence[name, "."] else ".") for name in numeric}
    return Survey(rows + len(reader.take_malformed()), detect_format(mapping["sale_date"], days), formats)


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
