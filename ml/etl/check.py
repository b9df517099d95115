"""A whole file checked, without a database: what would be loaded, what not, and what it refers to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc

from ml.etl.columns import EPOCH
from ml.etl.gather import MAX_CONFLICTS, Description, Gatherer, Place
from ml.etl.keys import RowKeys
from ml.etl.quality import CheckedBatch, Checker, Rejection, reject_malformed
from ml.etl.sources.files import FileSample
from ml.etl.sources.rows import Reader, open_rows
from ml.etl.spool import Spool
from ml.etl.survey import Survey, survey
from ml.progress import Progress, silent

ROWS = pa.schema(
    [
        ("row_key", pa.binary(16)),
        ("sale_date", pa.date32()),
        ("sales_amount", pa.float64()),
        ("sales_qty", pa.float64()),
        ("channel", pa.string()),
        ("order_ref", pa.string()),
        ("customer", pa.int64()),  # position in `CheckedFile.customers`, -1 for none
        ("leaf", pa.int64()),  # position in `CheckedFile.leaves`
    ]
)
REJECTIONS = pa.schema(
    [
        ("row_number", pa.int32()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),  # JSON
    ]
)
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


def check_file(
    open_file: Callable[[], IO[bytes]],
    sample: FileSample,
    mapping: Mapping[str, str],
    today: date,
    progress: Progress = silent,
) -> CheckedFile:
    """Read a file twice, first for how it is written, then row by row; close the result.

    Memory stays bounded by the file's distinct codes and 8 bytes a row. Raises
    SourceError where the file cannot be read to its end.
    """
    with open_file() as file:
        found = survey(file, sample, mapping, progress)
    checked = CheckedFile(notes=found.notes)
    try:
        with open_file() as file:
            _check_rows(checked, open_rows(file, sample), Checker(mapping, found, today), found, progress)
    except BaseException:
        checked.__exit__()
        raise
    return checked


def _check_rows(checked: CheckedFile, reader: Reader, checker: Checker, found: Survey, progress: Progress) -> None:
    gatherer, row_keys, done = Gatherer(), RowKeys(), 0
    for batch in reader:
        good, rejections = checker.check(batch)
        rejections += map(reject_malformed, reader.take_malformed())
        _spool_rows(checked, good, gatherer, row_keys)
        _spool_rejections(checked, rejections)
        done += len(batch)
        progress("checking", done, found.rows)
    _spool_rejections(checked, map(reject_malformed, reader.take_malformed()))
    checked.products, conflicts = gatherer.products()
    checked.customers, checked.leaves = gatherer.customers(), gatherer.leaves
    checked.report(conflicts)
    if checker.blank_rows:
        checked.notes.append(f"{checker.blank_rows:,} empty rows were left out.")


def _spool_rows(checked: CheckedFile, good: CheckedBatch, gatherer: Gatherer, row_keys: RowKeys) -> None:
    if not len(good):
        return
    leaves, customers = gatherer.add(good.texts)
    channel, order_ref = good.texts["channel"].strings(), good.texts["order_ref"].strings()
    checked.rows.write(
        {
            "row_key": row_keys.keys(_key_fields(good)),
            "sale_date": _dates(good),
            **good.numbers,
            "channel": channel,
            "order_ref": order_ref,
            "customer": customers,
            "leaf": leaves,
        }
    )
    days = EPOCH + timedelta(days=int(good.days.min())), EPOCH + timedelta(days=int(good.days.max()))
    checked.first_date = min(days[0], checked.first_date or days[0])
    checked.last_date = max(days[1], checked.last_date or days[1])


def _dates(good: CheckedBatch) -> Any:
    return pa.array(good.days, pa.int32()).cast(pa.date32())


def _key_fields(good: CheckedBatch) -> list[Any]:
    """The fields of a row's natural key as text: date, places, codes, channel, amount and quantity."""
    days = pc.cast(_dates(good), pa.string())
    numbers = (pa.array(good.numbers[name]) for name in ("sales_amount", "sales_qty"))
    decimals = (pc.cast(pc.cast(number, pa.decimal128(18, 4)), pa.string()) for number in numbers)
    return [days, *(good.texts[name].strings() for name in KEY_TEXTS), *decimals]


def _spool_rejections(checked: CheckedFile, rejections: Iterable[Rejection]) -> None:
    ordered = [asdict(rejection) for rejection in sorted(rejections, key=lambda rejection: rejection.row_number)]
    if not ordered:
        return
    first = ordered[0]
    where = f", column {first['column']!r}, value {first['value']!r}" if first["column"] else ""
    checked.first_rejection = checked.first_rejection or f"row {first['row_number']}{where}: {first['reason']}"
    for cells in ordered:
        cells["row"] = json.dumps(cells["row"], ensure_ascii=False)
    checked.rejections.write({name: [cells[name] for cells in ordered] for name in REJECTIONS.names})
