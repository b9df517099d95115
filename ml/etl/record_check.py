"""A whole file of records checked, without a database: what would be loaded, what not, and what it refers to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import IO, Any

import numpy as np
import pyarrow as pa

from ml.etl.cells import Checks
from ml.etl.columns import NO_DAY
from ml.etl.datasets import Dataset
from ml.etl.figures import Figures
from ml.etl.gather import Description
from ml.etl.quality import CheckedBatch, Checker, Rejection, reject_malformed
from ml.etl.record_tables import REFERENCES, Record, record_key
from ml.etl.rejections import REJECTIONS, spool_rejections
from ml.etl.rules import Rule, rules
from ml.etl.sources.files import FileSample
from ml.etl.sources.rows import Batch, Reader, open_rows
from ml.etl.spool import Spool
from ml.etl.survey import Survey, survey
from ml.progress import Progress, silent

ARROW = {"text": pa.string(), "date": pa.date32(), "number": pa.float64(), "flag": pa.bool_()}
NAMES = {"customer_code": "customer_name"}
"""The field that names what a code stands for."""


class CheckedRecords:
    """What a check of records found. `rows` and `rejections` lie on disk until `close`, the rest in memory.

    `fields` are those that the file fills; `codes` what it refers to, by field.
    """

    def __init__(self, dataset: Dataset, fields: Sequence[str]) -> None:
        self.dataset = dataset
        self.fields = [field.name for field in dataset.fields if field.name in set(fields)]
        kinds = {name: dataset.by_name[name].kind for name in self.fields}
        self.rows = Spool(pa.schema([("key", pa.binary(16)), *((name, ARROW[kind]) for name, kind in kinds.items())]))
        self.rejections = Spool(REJECTIONS)
        self.conflicts: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.first_rejection = ""
        self.first_date: date | None = None
        self.last_date: date | None = None
        self.figures = Figures(dataset)
        self.repeated = 0
        """Rows with the key of a later one."""
        self._day = next((name for name, kind in kinds.items() if kind == "date"), "")
        self._described: dict[str, dict[str, str]] = defaultdict(dict)
        self._prefixes: list[Any] = []
        self._unnumbered: Counter[bytes] = Counter()

    @property
    def rows_total(self) -> int:
        """Good and rejected rows."""
        return self.rows.rows + self.rejections.rows

    @property
    def codes(self) -> dict[str, list[Description]]:
        """The products and customers that the file refers to, with the last name that it gives them."""
        return {
            field: [Description(code, name) for code, name in names.items()] for field, names in self._described.items()
        }

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Take in good rows: a list of Python values for each of `fields` (None: an empty cell that is no text)."""
        records = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        if not records:
            return
        keys = [self._key(record) for record in records]
        self._prefixes.append(np.frombuffer(b"".join(keys), dtype=np.uint64)[::2])
        self.rows.write({"key": keys, **{name: columns[name] for name in self.fields}})
        self._describe(columns)
        if self._day:
            days = [day for day in columns[self._day] if day is not None]
            self.first_date = min([*days, *([self.first_date] if self.first_date else [])], default=None)
            self.last_date = max([*days, *([self.last_date] if self.last_date else [])], default=None)

    def read(self) -> Iterator[tuple[list[bytes], list[Record]]]:
        """Keys and records in pieces; of rows with one key only the last."""
        last, done = self._last(), 0
        for batch in self.rows.read():
            mine = last[done : done + batch.num_rows]
            done += batch.num_rows
            kept = batch if mine.all() else batch.filter(pa.array(mine))
            columns = {name: kept.column(name).to_pylist() for name in self.fields}
            records = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
            yield kept.column("key").to_pylist(), [self._derived(record) for record in records]

    def finish(self) -> None:
        """Note what a user should know of the file as a whole."""
        self.repeated = int((~self._last()).sum())
        if self.repeated:
            what = ", ".join(self.dataset.by_name[name].label.lower() for name in self.dataset.key)
            self.notes.append(f"{self.repeated:,} rows repeat the {what} of a later row; the last one counts.")

    def __enter__(self) -> CheckedRecords:
        return self

    def __exit__(self, *_: object) -> None:
        self.rows.close()
        self.rejections.close()

    def _key(self, record: Mapping[str, Any]) -> bytes:
        key = record_key(self.dataset.name, record)
        if self.dataset.name != "payments" or record.get("payment_ref"):
            return key
        self._unnumbered[key] += 1  # true duplicates, as sales may hold them
        return record_key(self.dataset.name, record, self._unnumbered[key] - 1)

    def _describe(self, columns: Mapping[str, Sequence[Any]]) -> None:
        if self.dataset.name in ("products", "customers"):
            return
        for field in REFERENCES.keys() & set(self.fields):
            names = columns.get(NAMES.get(field, ""), [""] * len(columns[field]))
            known = self._described[field]
            for code, name in set(zip(columns[field], names, strict=True)):
                known[code] = name or known.get(code, "")

    def _last(self) -> Any:
        """Whether each row is the last with its key."""
        prefixes = np.concatenate(self._prefixes) if self._prefixes else np.zeros(0, dtype=np.uint64)
        _, first = np.unique(prefixes[::-1], return_index=True)
        last = np.zeros(len(prefixes), dtype=bool)
        last[len(prefixes) - 1 - first] = True
        return last

    def _derived(self, record: Record) -> Record:
        """A record with what follows from its cells: an event without a last day ends on its first."""
        if self.dataset.name == "events" and "ends_on" in record:
            record["ends_on"] = record["ends_on"] or record["starts_on"]
        return record


def check_records(
    open_file: Callable[[], IO[bytes]],
    sample: FileSample,
    mapped: tuple[Dataset, Mapping[str, Any]],
    checks: Checks,
    progress: Progress = silent,
) -> CheckedRecords:
    """Check a file as `ml.etl.check.check_file` checks sales, under a data set and its mapping; close the result."""
    dataset, mapping = mapped
    filled = rules(mapping, dataset)
    with open_file() as file:
        found = survey(file, sample, filled, dataset, progress)
    checked, checker = CheckedRecords(dataset, list(filled)), Checker(filled, found, checks, dataset)
    checked.notes += found.notes
    try:
        with open_file() as file:
            _check_rows(checked, open_rows(file, sample), checker, (found, filled), progress)
        checked.finish()
    except BaseException:
        checked.__exit__()
        raise
    checked.notes += checker.notes
    return checked


def _check_rows(
    checked: CheckedRecords,
    reader: Reader,
    checker: Checker,
    read_as: tuple[Survey, Mapping[str, Rule]],
    progress: Progress,
) -> None:
    (found, filled), done = read_as, 0
    for batch in reader:
        good, rejections = checker.check(batch)
        backwards = _backwards(good)
        rejections += [
            _reject_backwards(batch, good, row, filled["ends_on"]) for row in np.flatnonzero(backwards).tolist()
        ]
        rejections += map(reject_malformed, reader.take_malformed())
        checked.figures.add(good, ~backwards)
        checked.add({name: _without(good.cells(name), backwards) for name in checked.fields})
        spool_rejections(checked, rejections)
        done += len(batch)
        progress("checking", done, found.rows)
    spool_rejections(checked, map(reject_malformed, reader.take_malformed()))


def _backwards(good: CheckedBatch) -> Any:
    """Which rows of events end before they begin."""
    starts, ends = good.dates.get("starts_on"), good.dates.get("ends_on")
    if starts is None or ends is None:
        return np.zeros(len(good), dtype=bool)
    return (ends != NO_DAY) & (ends < starts)


def _without(cells: list[Any], left_out: Any) -> list[Any]:
    return [cell for cell, out in zip(cells, left_out, strict=True) if not out] if left_out.any() else cells


def _reject_backwards(batch: Batch, good: CheckedBatch, row: int, rule: Rule) -> Rejection:
    position = int(np.searchsorted(batch.numbers, good.rows[row]))
    cells = {name: column[position].as_py() for name, column in batch.columns.items()}
    reason = "the last day is before the first; expected the same day or a later one"
    return Rejection(int(good.rows[row]), rule.column, cells.get(rule.column, rule.constant or ""), reason, cells)
