"""`python -m ml demo-data`: the demo company's sales as a CSV file, and its other records as files beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from ml.demo import END, MONTHS, ROWS, SEED, generate, write_csv
from ml.demo.inventory import draw_inventory
from ml.demo.receivables import draw_receivables, write_records

LATE_MONTHS = 3


def main(arguments: Sequence[str]) -> int:
    """Write the file and say how large it is; returns the exit code."""
    parser = argparse.ArgumentParser("python -m ml demo-data", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV file to write")
    parser.add_argument("--seed", type=int, default=SEED, help=f"another company with the same ways ({SEED})")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"about how many order lines ({ROWS})")
    parser.add_argument("--end", type=date.fromisoformat, default=END, help=f"a day of the last month ({END})")
    parser.add_argument("--months", type=int, default=MONTHS, help=f"how many months ({MONTHS})")
    parser.add_argument(
        "--records", type=Path, metavar="FOLDER", help="write its stock, orders, customers, invoices and cash here too"
    )
    parser.add_argument(
        "--late",
        type=Path,
        metavar="FILE",
        help=f"write the last {LATE_MONTHS} months into this file instead",
    )
    chosen = parser.parse_args(arguments)
    demo = generate(chosen.seed, chosen.rows, chosen.end, chosen.months)
    parts = {chosen.out: demo.sales} if chosen.late is None else split(demo.sales, chosen.out, chosen.late)
    for path, lines in parts.items():
        sys.stdout.write(f"{path}: {write_csv(path, lines)} order lines\n")
    if chosen.records is not None:
        written = write_records(chosen.records, draw_receivables(chosen.seed, demo.company, demo.sales))
        written |= write_records(chosen.records, draw_inventory(chosen.seed, demo.company, demo.sales))
        sys.stdout.writelines(f"{chosen.records / name}.csv: {rows} rows\n" for name, rows in written.items())
    return 0


def split(sales: pd.DataFrame, early: Path, late: Path) -> dict[Path, pd.DataFrame]:
    """The order lines before the last LATE_MONTHS months, and those within them."""
    begins = sales["sale_date"].max() + pd.offsets.MonthEnd(0) - pd.offsets.MonthBegin(LATE_MONTHS)
    is_late = sales["sale_date"] >= begins
    return {early: sales[~is_late], late: sales[is_late]}
