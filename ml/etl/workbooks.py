"""Excel workbooks as the product writes them: bold headers that stay in sight, columns as wide as what they hold."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

WIDEST = 80


def write_workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook (.xlsx) with a sheet for each title: its rows, the header first."""
    book = new_book()
    for title, lines in sheets.items():
        widths = [min(max(len(f"{cell}") for cell in cells) + 2, WIDEST) for cells in zip(*lines, strict=True)]
        add_sheet(book, title, lines, widths)
    return content_of(book)


def new_book() -> Workbook:
    """A workbook without a sheet."""
    from openpyxl import Workbook  # noqa: PLC0415

    book = Workbook()
    book.remove(book.worksheets[0])
    return book


def add_sheet(book: Workbook, title: str, lines: Iterable[Sequence[object]], widths: Sequence[float]) -> Worksheet:
    """A sheet of lines, the header first, whose columns have these widths. Text is written as it is: defuse what a
    spreadsheet would take for a formula before (`ml.etl.formulas`)."""
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    sheet: Worksheet = book.create_sheet(title)
    for line in lines:
        sheet.append(list(line))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for position, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(position)].width = width
    sheet.freeze_panes = "A2"
    return sheet


def content_of(book: Workbook) -> bytes:
    """The workbook as the bytes of a file."""
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
