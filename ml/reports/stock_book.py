"""The stock report as a workbook that buyers work in: its sheet of orders can be changed and uploaded again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from ml.etl.formulas import defuse
from ml.etl.workbooks import add_sheet, content_of, new_book
from ml.reports.stock import SUMMARY, Line, Report

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

ORDERS = "Orders"
COLUMNS = (
    "Id", "Version", "Supplier", "Place", "Product code", "Product", "Quantity", "Order on", "Arrives on", "Unit cost",
    "Value", "Alert", "Days of cover", "Runs out", "At stake", "Decision", "Comment", "Why",
    "Advised", "Advised on",
)  # fmt: skip
"""Of the sheet of orders. A person may change Quantity, Order on, Decision (accept or dismiss) and Comment; the
last two columns tell what was there before."""
CHANGED = ("Quantity", "Order on", "Decision", "Comment")
WIDTHS = {"Product": 34, "Supplier": 24, "Place": 20, "Comment": 24, "Why": 60}
WIDTH = 14
SUPPLIERS_SHOWN = 15


def write_book(report: Report) -> bytes:
    """The workbook: summary with a chart, urgent items, orders, orders by supplier, projection."""
    book = new_book()
    summarise(book, report)
    sheet_of(book, "Urgent", COLUMNS[2:15], [cells(line)[2:15] for line in report.urgent])
    orders = sheet_of(book, ORDERS, COLUMNS, [cells(line) for line in report.lines])
    shade(orders)
    totals = [
        (name or "no supplier known", len(lines), sum(line.value for line in lines))
        for name, lines in report.by_supplier
    ]
    by_supplier = sheet_of(book, "By supplier", ("Supplier", "Lines", "Value"), totals)
    add_chart(book.worksheets[0], by_supplier, min(len(totals), SUPPLIERS_SHOWN))
    project(book, report)
    return content_of(book)


def cells(line: Line) -> tuple[Any, ...]:
    """A line in the order of COLUMNS; people fill in the decision."""
    return (
        line.id, line.version, line.supplier, line.area, line.code, line.name, line.quantity, line.order_on,
        line.arrives_on, line.unit_cost, line.value, line.alert, line.cover_days, line.out_on, line.lost_value, None,
        None, line.reason, line.quantity, line.order_on,
    )  # fmt: skip


def summarise(book: Workbook, report: Report) -> None:
    rows = [(SUMMARY[name], value) for name, value in report.summary.items()]
    sheet = sheet_of(book, "Summary", (f"Stock plan of {report.today}", ""), rows)
    sheet.column_dimensions["A"].width = 34


def sheet_of(book: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Worksheet:
    """A sheet to read and to print; texts that begin like formulas are none."""
    lines = ([defuse(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    sheet = add_sheet(book, title, chain([header], lines), [WIDTHS.get(name, WIDTH) for name in header])
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    return sheet


def shade(sheet: Worksheet) -> None:
    """Show which cells may be changed, and let the decision be chosen."""
    from openpyxl.styles import PatternFill  # noqa: PLC0415
    from openpyxl.utils import get_column_letter  # noqa: PLC0415
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    fill = PatternFill("solid", fgColor="FFF6DD")
    for name in CHANGED:
        for (cell,) in sheet.iter_rows(min_col=place_of(name), max_col=place_of(name), min_row=2):
            cell.fill = fill
    choice = DataValidation(type="list", formula1='"accept,dismiss"', allow_blank=True)
    letter = get_column_letter(place_of("Decision"))
    choice.add(f"{letter}2:{letter}{max(sheet.max_row, 2)}")
    sheet.add_data_validation(choice)
    sheet.auto_filter.ref = sheet.dimensions


def place_of(name: str) -> int:
    """The number of a column, from 1 on."""
    return COLUMNS.index(name) + 1


def add_chart(sheet: Worksheet, data: Worksheet, rows: int) -> None:
    """Value to order by supplier, as bars on the summary."""
    from openpyxl.chart import BarChart, Reference  # noqa: PLC0415

    if rows:
        bars = BarChart()
        bars.type, bars.title, bars.legend = "bar", "Value to order by supplier", None
        bars.add_data(Reference(data, min_col=3, min_row=2, max_row=rows + 1))
        bars.set_categories(Reference(data, min_col=1, min_row=2, max_row=rows + 1))
        bars.height, bars.width = 9, 18
        sheet.add_chart(bars, "D2")


def project(book: Workbook, report: Report) -> None:
    """The stock of items with an alert at the ends of weeks, likely and with much demand."""
    weeks = max((len(item.p50) for item in report.projected), default=0)
    ends = [f"{report.today + timedelta(days=7 * week + 6)}" for week in range(weeks)]
    rows = [
        (item.area, item.code, item.name, item.alert, kind, *values)
        for item in report.projected
        for kind, values in (("likely", item.p50), ("with much demand", item.p10))
    ]
    sheet_of(book, "Projection", ("Place", "Product code", "Product", "Alert", "Stock", *ends), rows)
