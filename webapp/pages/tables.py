"""Tables to download, as CSV that spreadsheets open well."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from ml.etl.formulas import defuse
from ml.etl.rejected import BOM
from ml.etl.workbooks import write_workbook
from ml.grains import MONTHLY
from webapp.queries.forecasts import ForecastPoint, Outlook
from webapp.queries.history import HistoryPoint

QUANTILES = ("p025", "p10", "p25", "p50", "p75", "p90", "p975")


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV text; what a spreadsheet would run as a formula is quoted with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([safe_cell(value) for value in row] for row in rows)
    return BOM + out.getvalue()


def safe_cell(value: object) -> object:
    """Text that begins like a formula, defused (CSV injection); numbers as they are."""
    return defuse(value) if isinstance(value, str) else value


def outlook_csv(view: Outlook) -> str:
    """History and forecast by period, in the order of time; a month as 2024-03, a week and a day by its first day."""
    header, *rows = outlook_table(view)
    return to_csv([f"{name}" for name in header], rows)


def outlook_xlsx(view: Outlook) -> bytes:
    """The same as an Excel workbook."""
    return write_workbook({"Sales and forecast": [[safe_cell(value) for value in row] for row in outlook_table(view)]})


def outlook_table(view: Outlook) -> list[list[object]]:
    """A header and a row a period: what was sold and what is forecast; '' where one does not apply."""
    names = view.node.params() | ({"product name": view.node.product_name} if view.node.detail else {})
    header = [*names, view.grain.word, "kind", "sales", "quantity", "rows", "forecast", *QUANTILES, "final"]
    unknown = [""] * (2 + len(QUANTILES))
    history = [[kind_of(point), point.sales, point.qty, point.transactions, *unknown] for point in view.history]
    future = [["forecast", "", "", "", *figures(point)] for point in view.forecast]
    periods = [point.period for point in view.history] + [point.period for point in view.forecast]
    form = "%Y-%m" if view.grain is MONTHLY else "%Y-%m-%d"
    rows = zip(periods, [*history, *future], strict=True)
    return [list(header), *([*names.values(), f"{period:{form}}", *row] for period, row in rows)]


def kind_of(point: HistoryPoint) -> str:
    return "partial" if point.partial else "actual"


def figures(point: ForecastPoint) -> list[float]:
    """Mean, quantiles, and the mean as people have changed it, of one forecast, to the cent."""
    return [round(getattr(point, name), 2) for name in ("mean", *QUANTILES, "final")]
