"""The workbook of orders as it comes back: what a person changed, row by row, and what is wrong, cell by cell."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any

from ml.errors import DataError
from ml.reports.stock_book import COLUMNS, ORDERS

MOST_ROWS = 50_000
MOST_BYTES = 200 << 20
"""Of the workbook unpacked."""
REQUIRED = {"Id", "Version", "Quantity", "Order on", "Advised", "Advised on"}
DECISIONS = ("accept", "dismiss")


@dataclass(frozen=True)
class RowEdit:
    """A row as it came back; `changed` says whether a person set another quantity or day, `cells` where its parts are,
    such as G12."""

    id: int
    version: int
    quantity: float
    order_on: date
    decision: str
    comment: str
    changed: bool
    cells: dict[str, str]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a cell, and what was expected."""

    cell: str
    message: str


def read_edits(file: IO[bytes]) -> tuple[list[RowEdit], list[Problem]]:
    """The rows of the sheet of orders, and what is wrong with others; raises DataError for what is no such workbook."""
    rows: list[RowEdit] = []
    problems: list[Problem] = []
    for number, header, values in lines_of(file):
        cells = {name: f"{letter}{number}" for name, letter in header.items()}
        wrong = list(check_row(values, cells))
        problems += wrong
        if not wrong:
            rows.append(made(values, cells))
    return rows, problems


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, dict[str, str], dict[str, Any]]]:
    """Rows that are not empty: their number, the letters of the columns, and their values by column."""
    from openpyxl import load_workbook  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with zipfile.ZipFile(file) as packed:
            if sum(one.file_size for one in packed.infolist()) > MOST_BYTES:
                raise DataError("the workbook is too large; upload the one of the report, with its rows changed.")
        file.seek(0)
        book = load_workbook(file, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError):
        raise DataError("this is no Excel workbook (.xlsx); upload the one of the report.") from None
    if ORDERS not in book.sheetnames:
        raise DataError(f"the workbook has no sheet {ORDERS!r}; upload the one of the report.")
    rows = book[ORDERS].iter_rows(max_row=MOST_ROWS + 1, max_col=len(COLUMNS) + 20, values_only=True)
    names = [str(name) if name is not None else "" for name in next(rows, ())]
    if missing := REQUIRED - set(names):
        raise DataError(f"the sheet {ORDERS!r} has no column {sorted(missing)[0]!r}; keep the header as it is.")
    letters = {name: get_column_letter(place) for place, name in enumerate(names, 1) if name}
    for number, row in enumerate(rows, 2):
        values: Sequence[Any] = row
        if any(value is not None for value in values):
            yield number, letters, {name: value for name, value in zip(names, values, strict=False) if name}


def check_row(values: dict[str, Any], cells: dict[str, str]) -> Iterator[Problem]:
    """What is wrong with a row."""
    for name in ("Id", "Version"):
        if not is_number(values[name]) or values[name] != int(values[name]) or not 0 < values[name] < 2**63:
            yield Problem(cells[name], f"{said(values[name])} is no {name.lower()}; keep it as the report has it")
    if not is_number(values["Quantity"]) or not 0 < values["Quantity"] <= 1e9:
        yield Problem(cells["Quantity"], f"{said(values['Quantity'])} is no quantity; expected a number above 0")
    if not isinstance(values["Order on"], date):
        yield Problem(cells["Order on"], f"{said(values['Order on'])} is no day; expected a date such as 2026-11-30")
    decision = str(values.get("Decision") or "").strip().lower()
    if decision and decision not in DECISIONS:
        yield Problem(
            cells["Decision"], f"{said(values['Decision'])} is no decision; expected accept, dismiss or nothing"
        )
    if len(str(values.get("Comment") or "")) > 500:
        yield Problem(cells["Comment"], "the comment is too long; expected at most 500 characters")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def said(value: Any) -> str:
    """A value as a message quotes it."""
    return "an empty cell" if value is None else repr(str(value)[:40])


def made(values: dict[str, Any], cells: dict[str, str]) -> RowEdit:
    """A row that passed the checks."""
    day, before = day_of(values["Order on"]), values["Advised on"]
    changed = values["Quantity"] != values["Advised"] or day != (day_of(before) if isinstance(before, date) else None)
    decision, comment = (str(values.get(name) or "").strip() for name in ("Decision", "Comment"))
    return RowEdit(
        int(values["Id"]), int(values["Version"]), float(values["Quantity"]), day, decision.lower(), comment, changed,
        cells,
    )  # fmt: skip


def day_of(value: date) -> date:
    """A date without its time."""
    return value.date() if isinstance(value, datetime) else value
