"""Excel workbooks as the product writes them: bold headers that stay in sight, columns as wide as what they hold."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

WIDEST = 80


def write_workbook(sheets: Mapping[str, Sequence[Sequence[object]]]) -> bytes:
    """A workbook (.xlsx) with a sheet for each title: its rows, the header first. Text is written as it is: defuse what
    a spreadsheet would take for a formula before (`ml.etl.formulas`)."""
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.styles import Font  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415

    book = Workbook()
    book.remove(book.worksheets[0])
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(list(line))
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for position, cells in enumerate(zip(*lines, strict=True), 1):
            widest = max(len(f"{cell}") for cell in cells)
            sheet.column_dimensions[get_column_letter(position)].width = min(widest + 2, WIDEST)
        sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
