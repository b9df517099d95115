"""The rejected rows of an import as a CSV file, to correct and send again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.imports import RejectedRow
from ml.etl.formulas import defuse

EXTRA_COLUMNS = ("rejected row", "rejected column", "rejected because")
BOM = "\ufeff"  # without it, Excel takes UTF-8 for the local code page, and saves it so
CHUNK = 500


def rejected_csv(session: Session, import_id: int) -> Iterator[str]:
    """The file in pieces: the original columns, then row number, column and reason.

    Nothing is yielded for an import without rejected rows. Cells that a spreadsheet
    would run as a formula begin with an apostrophe.
    """
    columns = _columns(session, import_id)
    if not columns:
        return
    yield BOM + _line([*columns, *EXTRA_COLUMNS])
    query = sa.select(RejectedRow).where(RejectedRow.import_id == import_id).order_by(RejectedRow.row_number)
    for row in session.scalars(query.execution_options(yield_per=CHUNK)):
        yield _line([*(row.row.get(column, "") for column in columns), str(row.row_number), row.column, row.reason])


def _columns(session: Session, import_id: int) -> list[str]:
    """All columns that rejected rows have: a malformed one may have more or fewer than the header."""
    rows = sa.select(RejectedRow.row).where(RejectedRow.import_id == import_id).order_by(RejectedRow.row_number)
    columns: dict[str, None] = {}
    for row in session.scalars(rows.execution_options(yield_per=CHUNK)):
        columns |= dict.fromkeys(row)
    return list(columns)


def _line(cells: Sequence[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([defuse(cell) for cell in cells])
    return buffer.getvalue()
