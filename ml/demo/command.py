"""`python -m ml demo-data`: the demo company's sales as a CSV file, and its other records as files beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ml.demo import END, MONTHS, ROWS, SEED, generate, write_csv
from ml.demo.inventory import draw_inventory
from ml.demo.receivables import draw_receivables, write_records


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
    chosen = parser.parse_args(arguments)
    demo = generate(chosen.seed, chosen.rows, chosen.end, chosen.months)
    sys.stdout.write(f"{chosen.out}: {write_csv(chosen.out, demo)} order lines\n")
    if chosen.records is not None:
        written = write_records(chosen.records, draw_receivables(chosen.seed, demo.company, demo.sales))
        written |= write_records(chosen.records, draw_inventory(chosen.seed, demo.company, demo.sales))
        sys.stdout.writelines(f"{chosen.records / name}.csv: {rows} rows\n" for name, rows in written.items())
    return 0
