"""Stockouts: demand that was cut off because there was nothing to sell.

What was sold in a period without stock on some of its days is a lower bound of what was asked for (censored demand;
Nahmias 1994). It is scaled up by the share of days with stock, and left out where there was next to none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.etl.extract import NAMES, Level, SalesTable, unique_ids
from ml.panel import Panel
from ml.periods import period_numbers

Floats = NDArray[np.float64]

FEWEST_COUNTS = 4
"""Stock levels of a period below which their share of zeros says nothing; one a period is enough of days."""
LEAST_SHARE = 0.1
"""A smaller share of days without stock is made up for within the period."""
WHOLE_SHARE = 0.9
"""With more than this share of days without stock, sales say nothing of demand."""
MOST = 4.0
"""Sales are scaled up by no more than this."""
LONGEST = {"D": 91, "W": 13, "MS": 3}
"""A place and product without stock for more periods on end is taken for no longer sold there, not for sold out."""


@dataclass(frozen=True)
class Shares:
    """(series, periods): the share of usual sales that had no stock; `leaves` counts the places and products of each
    series."""

    out: Floats
    leaves: NDArray[np.int64]


def shares_out(stock: pd.DataFrame, table: SalesTable, level: Level, panel: Panel) -> Shares | None:
    """How much of each series' usual sales had no stock; None where no period of any had none.

    `stock` has `area, product_id, ds, counted, out` (stock levels of the period, and how many of them were zero); an
    area of '' stands for all. A series of a coarser level is out by the shares of its places and products, weighted
    by their usual sales: their mean per period with stock.
    """
    leaves = leaf_facts(table, level, panel)
    outs = leaf_shares(stock, leaves, panel)
    if not outs.any():
        return None
    sold = leaf_sales(table, leaves, panel)
    alive = np.arange(outs.shape[1]) >= leaves["first"].to_numpy()[:, None]
    alive &= ~ended(outs, LONGEST[panel.freq])
    in_stock = alive & (outs < LEAST_SHARE)
    usual = np.maximum(np.where(in_stock, sold, 0.0).sum(axis=1) / np.maximum(in_stock.sum(axis=1), 1), 0.0)
    nodes, count = leaves["node"].to_numpy(), len(panel.ids)
    weight = usual[:, None] * alive
    total, lost = np.zeros((count, outs.shape[1])), np.zeros((count, outs.shape[1]))
    np.add.at(total, nodes, weight)
    np.add.at(lost, nodes, weight * outs)
    out = np.divide(lost, total, out=np.zeros_like(total), where=total > 0)
    return Shares(out, np.bincount(nodes, minlength=count))


def corrected(sold: Floats, out: Floats) -> Floats:
    """Demand where the share `out` of days had no stock: `sold / (1 - out)`, at most MOST times what was sold; NaN
    where it is to be left out."""
    factor = np.minimum(1 / np.maximum(1 - out, 1e-9), MOST)
    return np.where(out > WHOLE_SHARE, np.nan, np.maximum(sold, 0.0) * factor)


def leaf_facts(table: SalesTable, level: Level, panel: Panel) -> pd.DataFrame:
    """One row per place and product: its names, the row of its series in the panel (`node`), its `first` period."""
    first: pd.DataFrame = table.frame.groupby(list(NAMES), as_index=False, sort=False).agg({"ds": "min"})
    first["node"] = panel.ids.get_indexer(pd.Index(unique_ids(first, level).to_numpy(dtype=object)))
    start = panel.wide.numbers[0]
    first["first"] = period_numbers(pd.DatetimeIndex(first["ds"]), panel.freq) - start
    return first.drop(columns="ds").assign(leaf=np.arange(len(first)))


def leaf_shares(stock: pd.DataFrame, leaves: pd.DataFrame, panel: Panel) -> Floats:
    """(leaves, periods): the share of counted days without stock; 0 where it was not counted."""
    counted = stock[stock["counted"] >= (1 if panel.freq == "D" else FEWEST_COUNTS)]
    named, anywhere = counted[counted["area"] != ""], counted[counted["area"] == ""].drop(columns="area")
    found = pd.concat(
        [
            anywhere.merge(leaves[["leaf", "product_id"]], on="product_id"),
            named.merge(leaves[["leaf", "area", "product_id"]], on=["area", "product_id"]).drop(columns="area"),
        ]
    )
    shares = np.zeros((len(leaves), len(panel.wide.numbers)))
    if len(found):  # what is known of the place itself is written last and holds
        place = period_numbers(pd.DatetimeIndex(found["ds"]), panel.freq) - panel.wide.numbers[0]
        within = (place >= 0) & (place < shares.shape[1])
        value = (found["out"] / found["counted"]).to_numpy(dtype=np.float64)
        shares[found["leaf"].to_numpy()[within], place[within]] = value[within]
    return np.where(shares < LEAST_SHARE, 0.0, shares)


def leaf_sales(table: SalesTable, leaves: pd.DataFrame, panel: Panel) -> Floats:
    """(leaves, periods): what each place and product sold; 0 where nothing is recorded."""
    rows = table.frame.merge(leaves[[*NAMES, "leaf"]], on=list(NAMES))
    place = period_numbers(pd.DatetimeIndex(rows["ds"]), panel.freq) - panel.wide.numbers[0]
    sold = np.zeros((len(leaves), len(panel.wide.numbers)))
    np.add.at(sold, (rows["leaf"].to_numpy(), place), rows["y"].to_numpy())
    return sold


def ended(outs: Floats, longest: int) -> NDArray[np.bool_]:
    """Where a place and product is without stock for more than `longest` periods on end."""
    whole = outs > WHOLE_SHARE
    run = np.zeros(whole.shape[0], dtype=np.int64)
    before = np.zeros(whole.shape, dtype=np.int64)
    for column in range(whole.shape[1]):
        run = np.where(whole[:, column], run + 1, 0)
        before[:, column] = run
    length = before.copy()
    for column in range(whole.shape[1] - 2, -1, -1):
        goes_on = whole[:, column] & whole[:, column + 1]
        length[:, column] = np.where(goes_on, length[:, column + 1], length[:, column])
    return whole & (length > longest)
