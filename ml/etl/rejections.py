"""Rows that a check rejects, kept on disk with the reasons until they are stored."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Protocol

import pyarrow as pa

from ml.etl.quality import Rejection
from ml.etl.spool import Spool

REJECTIONS = pa.schema(
    [
        ("row_number", pa.int32()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("row", pa.string()),  # JSON
    ]
)


class Rejecting(Protocol):
    """What rejections are written to."""

    rejections: Spool
    first_rejection: str


def spool_rejections(checked: Rejecting, rejections: Iterable[Rejection]) -> None:
    """Write rejections in the order of their rows, and remember the first of all."""
    ordered = [asdict(rejection) for rejection in sorted(rejections, key=lambda rejection: rejection.row_number)]
    if not ordered:
        return
    first = ordered[0]
    where = f", column {first['column']!r}, value {first['value']!r}" if first["column"] else ""
    checked.first_rejection = checked.first_rejection or f"row {first['row_number']}{where}: {first['reason']}"
    for cells in ordered:
        cells["row"] = json.dumps(cells["row"], ensure_ascii=False)
    checked.rejections.write({name: [cells[name] for cells in ordered] for name in REJECTIONS.names})
