"""A whole file checked, without a database: what would be loaded, what not, and what it refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import IO, Any

import pyarrow as pa

from ml.etl.cells import Checks
from ml.etl.columns import EPOCH
from ml.etl.datasets import SALES
from ml.etl.figures import Figures
from ml.etl.gather import MAX_CONFLICTS, Description, Gatherer, Place
from ml.etl.keys import RowKeys, Said
from ml.etl.quality import CheckedBatch, Checker, reject_malformed
from ml.etl.rejections import REJECTIONS, spool_rejections
from ml.etl.rules import rules
from ml.etl.sources.files import FileSample
from ml.etl.sources.rows import Reader, open_rows
from ml.etl.spool import Spool
from ml.etl.survey import Survey, survey
from ml.progress import Progress, silent

ROWS = pa.schema(
    [
        ("row_key", pa.binary(16)),
        ("content_key", pa.binary(16)),  # null where `row_key` is of the content
        ("sale_date", pa.date32()),
        ("sales_amount", pa.float64()),
        ("sales_qty", pa.float64()),
        ("channel", pa.string()),
        ("order_ref", pa.string()),
        ("customer", pa.int64()),  # position in `CheckedFile.customers`, -1 for none
        ("leaf", pa.int64()),  # position in `CheckedFile.leaves`
    ]
)
KEY_NUMBERS = ("sales_amount", "sales_qty")
KEY_TEXTS = ("region", "territory", "area", "product_code", "customer_code", "order_ref", "channel")


@dataclass
class CheckedFile:
    """What a check found. `rows` and `rejections` lie on disk until `close`, the rest in memory."""

    rows: Spool = field(default_factory=lambda: Spool(ROWS))
    rejections: Spool = field(default_factory=lambda: Spool(REJECTIONS))
    products: list[Description] = field(default_factory=list)
    customers: list[Description] = field(default_factory=list)
    leaves: list[tuple[Place, int]] = field(default_factory=list)
    """Places, each with the position of a product in `products`."""
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    first_rejection: str = ""
    first_date: date | None = None
    last_date: date | None = None
    figures: Figures = field(default_factory=lambda: Figures(SALES))
    repeated: int = 0
    """Rows that are equal to an earlier one of the file."""
    drops_repeated: bool = False

    @property
    def rows_total(self) -> int:
        return self.rows.rows + self.rejections.rows

    def report(self, conflicts: list[dict[str, Any]]) -> None:
        """Add products that are named in several ways; of very many some are listed and all are counted."""
        self.conflicts = [*self.conflicts, *conflicts][:MAX_CONFLICTS]
        if len(conflicts) > MAX_CONFLICTS:
            self.notes.append(f"{len(conflicts):,} products are named in several ways; is the right column mapped?")

    def __enter__(self) -> CheckedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.rows.close()
        self.rejections.close()


def check_file(  # noqa: PLR0917 - what is read, and how
    open_file: Callable[[], IO[bytes]],
    sample: FileSample,
    mapping: Mapping[str, Any],
    checks: Checks,
    progress: Progress = silent,
    source: str = "",
) -> CheckedFile:
    """Read a file twice, first for how it is written, then row by row; close the result.

    `source` tells apart the line ids of different sources. Memory stays bounded by the file's distinct codes
    and 8 bytes a row. Raises SourceError where the file cannot be read to its end.
    """
    filled = rules(mapping)
    with open_file() as file:
        found = survey(file, sample, filled, progress=progress)
    checker = Checker(filled, found, checks)
    checked = CheckedFile(notes=found.notes, drops_repeated=checks.policy.duplicates == "drop")
    try:
        with open_file() as file:
            _check_rows(checked, open_rows(file, sample), checker, found, RowKeys(source), progress)
    except BaseException:
        checked.__exit__()
        raise
    return checked


def _check_rows(  # noqa: PLR0917
    checked: CheckedFile, reader: Reader, checker: Checker, found: Survey, row_keys: RowKeys, progress: Progress
) -> None:
    gatherer, done = Gatherer(), 0
    for batch in reader:
        good, rejections = checker.check(batch)
        rejections += map(reject_malformed, reader.take_malformed())
        _spool_rows(checked, good, gatherer, row_keys)
        spool_rejections(checked, rejections)
        done += len(batch)
        progress("checking", done, found.rows)
    spool_rejections(checked, map(reject_malformed, reader.take_malformed()))
    checked.products, conflicts = gatherer.products()
    checked.customers, checked.leaves = gatherer.customers(), gatherer.leaves
    checked.report(conflicts)
    checked.notes += checker.notes


def _spool_rows(checked: CheckedFile, good: CheckedBatch, gatherer: Gatherer, row_keys: RowKeys) -> None:
    if not len(good):
        return
    leaves, customers = gatherer.add(good.texts)
    row_key, content_key = _keys(good, row_keys)
    checked.repeated += int(row_keys.again.sum())
    kept = ~row_keys.again if checked.drops_repeated and row_keys.again.any() else None
    checked.figures.add(good, kept)
    checked.rows.write(
        {
            "row_key": row_key,
            "content_key": content_key,
            "sale_date": pa.array(good.days, pa.int32()).cast(pa.date32()),
            **{name: good.numbers[name] for name in KEY_NUMBERS},
            "channel": good.texts["channel"].strings(),
            "order_ref": good.texts["order_ref"].strings(),
            "customer": customers,
            "leaf": leaves,
        },
        kept,
    )
    days = EPOCH + timedelta(days=int(good.days.min())), EPOCH + timedelta(days=int(good.days.max()))
    checked.first_date = min(days[0], checked.first_date or days[0])
    checked.last_date = max(days[1], checked.last_date or days[1])


def _keys(good: CheckedBatch, row_keys: RowKeys) -> tuple[Any, Any]:
    """The row keys and the content keys of good rows."""
    said = Said(good.days, [good.numbers[name] for name in KEY_NUMBERS], [good.texts[name] for name in KEY_TEXTS])
    lines = good.texts["line_ref"]
    if any(lines.values):
        return row_keys.line_keys(said, lines)
    return row_keys.keys(said), pa.nulls(len(good), pa.binary(16))
