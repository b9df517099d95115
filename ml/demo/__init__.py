"""A believable distribution company, and three years of its sales, drawn from one seed.

`generate()` gives the company (places, products, customers), its market (holidays, prices,
promotions, stockouts) and its order lines; `write_csv()` writes the lines as a file to import.
The same arguments give the same bytes. Sizes by default: 4 regions, 12 territories, 40 areas,
60 products in 8 categories, 300 customers, 3 channels, about 300,000 lines over 36 months
that end with October 2026.

What is true in this world, for whoever forecasts it:

- Order lines of a product in an area on a day are Poisson; their mean is a product of the factors below
  (`ml.demo.demand`), with 25 % of noise (a standard deviation of the logarithm) per series and week, 4 % per
  territory and month, and 3 % per category and month.
- Trend: each area grows at its region's rate (South +9 % a year, East +5, North +2, West -6) within 2 points, each
  product at its category's (Personal Care +7 % … Stationery -8 %) within 2 points, compounding.
- Week: Friday is the strongest day (1.30 of a Wednesday), Saturday 0.55, Sunday 0.12.
- Year: exp(strength * cos) with a peak per category; Garden peaks in mid-May at 7.4 times its lowest
  point, Winter Goods in early January at 9 times, Confectionery before Christmas, Beverages in July,
  Stationery in September; Pantry hardly moves.
- Holidays (six a year, two of them moving with Easter) keep 4 % of the lines; the eight days before
  them are a rush: Confectionery 1.60, Beverages 1.35, Pantry 1.25, the rest 1.08.
- List prices rise in most Januaries (4 % on average) and change in some Julys; lines follow
  price ** -elasticity, with an elasticity of 0.5 to 1.6 per product.
- Promotions: about four a year and product, for one or two weeks from a Monday, 10 to 30 % off; lines
  grow by (1 - discount) ** -2.4, and fall to 0.85 for ten days afterwards.
- Stockouts: a product in an area once in two years, for 5 to 25 days; and eight failures of a supplier that
  take a product away everywhere for 14 to 35 days. Nothing is sold, and the demand is lost.
- Six products are launched and four discontinued in the course of the data, with a ramp of 75 days.
- A line's customer is one of its area's, by size, five times likelier on that customer's own weekday; the
  channel is the customer's. Online gains 22 % a year within an area, at the cost of the others.
- Quantities are lognormal around product, channel (wholesale 2.6 times retail) and customer; a unit costs
  list price * (1 - discount) * channel (retail 1.00, wholesale 0.88, online 1.04), rounded to cents.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ml.demo.company import Company, found_company
from ml.demo.demand import expected_lines
from ml.demo.market import Market, open_market
from ml.demo.sales import draw_sales

SEED = 2026
ROWS = 300_000
END = date(2026, 10, 31)
MONTHS = 36

__all__ = ["Company", "Demo", "Market", "generate", "write_csv"]


@dataclass(frozen=True)
class Demo:
    """The company, what happened to it, and what it sold.

    `sales` has one row an order line: sale_date, order_ref, region, territory, area, customer_code,
    customer_name, channel, product_code, product_name, category, subcategory (texts as categoricals),
    sales_qty (units), sales_amount (money, two decimals).
    """

    company: Company
    market: Market
    sales: pd.DataFrame


def generate(seed: int = SEED, rows: int = ROWS, end: date = END, months: int = MONTHS) -> Demo:
    """Draw the company and about `rows` order lines over the `months` that end with the month of `end`.

    The company and its market depend on the seed and the period alone, not on `rows`.
    """
    last = pd.Timestamp(end) + pd.offsets.MonthEnd(0)
    days = pd.date_range(last - pd.offsets.MonthBegin(months), last)
    structure, events, demand, lines = (np.random.default_rng([seed, stream]) for stream in range(4))
    company = found_company(structure, days)
    market = open_market(events, company, days)
    expected = expected_lines(demand, company, market, days, rows)
    return Demo(company, market, draw_sales(lines, company, market, days, expected))


def write_csv(path: Path, sales: pd.DataFrame) -> int:
    """Write order lines (columns as of `Demo.sales`) as a CSV file with a header; returns how many."""
    table = pa.Table.from_pandas(sales, preserve_index=False)
    table = table.set_column(0, "sale_date", table["sale_date"].cast(pa.date32()))
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[field.name].cast(pa.string()))
    path.parent.mkdir(parents=True, exist_ok=True)
    pa.csv.write_csv(
        table, path, pa.csv.WriteOptions(quoting_style="none", quoting_header="none")
    )  # refuses what would need quotes
    return int(table.num_rows)
