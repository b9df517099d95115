"""Sales out of the database as the table that the engine works on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product
from ml.db.functions import year_month
from ml.db.sales import SalesMonthly, SalesRaw
from ml.errors import NotEnoughHistoryError
from ml.etl.cleaning.policy import DEFAULT, CleaningSettings, read_settings
from ml.grains import MIN_PERIODS, Coverage, Grain, read_coverage
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS, PRODUCT_NAMES, node_key
from ml.panel import Panel, fill_gaps

ACTIVE_PERIODS = 12
"""A series has enough history of its own when it sold in so many periods."""
CENT = 0.005
"""Amounts that differ by less are the same."""

PRODUCT_COLUMNS = {**PRODUCT_NAMES, "product": ("category", "subcategory", "product_id")}
NAMES = ("region", "territory", "area", "category", "subcategory", "product_id")


@dataclass(frozen=True)
class Level:
    """A level of the hierarchy: a place level crossed with a product level."""

    location: str
    product: str

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that name a node of this level: what its key is made of."""
        return (*LOCATION_NAMES[self.location], *PRODUCT_NAMES[self.product])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names, with the category and subcategory that a product implies."""
        return (*LOCATION_NAMES[self.location], *PRODUCT_COLUMNS[self.product])


@dataclass(frozen=True)
class SalesTable:
    """Sales per leaf and complete period: the name columns, `ds` (period start) and `y` (currency).

    `settings` is the cleaning policy; returns are treated by it already.
    """

    frame: pd.DataFrame
    coverage: Coverage
    grain: Grain
    settings: CleaningSettings = DEFAULT


def read_sales(session: Session, grain: Grain) -> SalesTable:
    """All sales of complete periods by area and product.

    Raises NotEnoughHistoryError where fewer than MIN_PERIODS periods are complete.
    """
    coverage = read_coverage(session, grain)
    found = coverage.periods if coverage else 0
    if coverage is None or found < MIN_PERIODS:
        raise NotEnoughHistoryError(found, MIN_PERIODS, grain.unit)
    settings = read_settings(session)
    columns = [
        SalesMonthly.region, SalesMonthly.territory, SalesMonthly.area,
        Product.category, Product.subcategory, SalesMonthly.product_id,
        SalesMonthly.yearmonth, SalesMonthly.total_sales, SalesMonthly.series_id,
    ]  # fmt: skip
    query = (
        sa.select(*columns)
        .join(Product, Product.id == SalesMonthly.product_id)
        .where(SalesMonthly.yearmonth.between(f"{coverage.first_complete:%Y-%m}", f"{coverage.last_complete:%Y-%m}"))
    )
    frame = pd.DataFrame(session.execute(query).all(), columns=[*NAMES, "yearmonth", "y", "leaf"])
    frame["y"] = frame["y"].astype(float)
    if settings.returns == "ignore":
        frame = without_returns(session, frame)
    frame["ds"] = pd.to_datetime(frame.pop("yearmonth"), format="%Y-%m")
    return SalesTable(frame.drop(columns="leaf"), coverage, grain, settings)


def without_returns(session: Session, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of leaf and `yearmonth` without what the negative rows took off; those of returns alone go."""
    month = year_month(SalesRaw.sale_date)
    query = sa.select(SalesRaw.series_id, month, sa.func.sum(SalesRaw.sales_amount))
    query = query.where(SalesRaw.sales_amount < 0).group_by(SalesRaw.series_id, month)
    returned = pd.DataFrame(session.execute(query).all(), columns=["leaf", "yearmonth", "returned"])
    joined = frame.merge(returned, on=["leaf", "yearmonth"], how="left")
    sold = joined["y"] - joined["returned"].astype(float).fillna(0.0)
    only_returns = joined["returned"].notna() & (sold.abs() < CENT)
    return joined.assign(y=sold).loc[~only_returns, list(frame.columns)].reset_index(drop=True)


def available_levels(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The place and product levels that the data names at all, coarse to fine."""

    def named(level: str, names: dict[str, tuple[str, ...]]) -> bool:
        column = names[level][-1] if names[level] else None
        return column is None or (column in frame and bool((frame[column] != "").any()))

    return (
        [level for level in LOCATION_LEVELS if named(level, LOCATION_NAMES)],
        [level for level in PRODUCT_LEVELS if named(level, PRODUCT_NAMES)],
    )


def choose_base_level(table: SalesTable) -> Level:
    """The finest level at which most sales lie in series with enough history of their own.

    Levels are tried from the finest (area x product) upwards; of equally fine ones the
    one with the greater share is taken. A level qualifies when at least half of all
    sales belong to series that sold in ACTIVE_PERIODS periods, or in half of all
    periods where the data is shorter.
    """
    places, products = available_levels(table.frame)
    needed = min(ACTIVE_PERIODS, max(1, table.coverage.periods // 2))
    by_depth: dict[int, list[Level]] = {}
    for i, place in enumerate(places):
        for j, product in enumerate(products):
            by_depth.setdefault(i + j, []).append(Level(place, product))
    for depth in sorted(by_depth, reverse=True):
        shares = {level: active_share(table.frame, level, needed) for level in by_depth[depth]}
        best = max(shares, key=lambda level: shares[level])
        if shares[best] >= 0.5:
            return best
    return Level("total", "total")


def active_share(frame: pd.DataFrame, level: Level, needed: int) -> float:
    """The share of sales (in absolute value) in series of `level` that sold in `needed` periods."""
    keys = list(level.names)
    if not keys:
        return 1.0
    sold = frame[frame["y"] != 0]
    by_series = sold.groupby(keys).agg(periods=("ds", "nunique"), volume=("y", lambda y: float(np.abs(y).sum())))
    total = by_series["volume"].sum()
    return float(by_series.loc[by_series["periods"] >= needed, "volume"].sum() / total) if total else 0.0


def sum_to_level(frame: pd.DataFrame, level: Level) -> pd.DataFrame:
    """Sales summed to `level`: its columns, `ds`, `y`."""
    summed: pd.DataFrame = frame.groupby([*level.columns, "ds"], as_index=False, sort=True).agg({"y": "sum"})
    return summed


def base_panel(table: SalesTable, level: Level) -> tuple[Panel, pd.DataFrame]:
    """The panel to forecast, and its nodes: `unique_id` with the columns of `level`, one row per series.

    A series starts with its first sale; later periods without sales are as the policy's `gaps` says.
    """
    columns = list(level.columns)
    summed = sum_to_level(table.frame, level)
    summed["unique_id"] = unique_ids(summed, level)
    nodes = summed[["unique_id", *columns]].drop_duplicates("unique_id", ignore_index=True)
    long = summed.astype(dict.fromkeys(columns, str))
    filled = fill_gaps(long, table.grain.freq, static=columns, gaps=table.settings.gaps)
    panel = Panel.from_frame(filled, table.grain.freq, table.grain.season_length, static=columns)
    return panel, nodes


def unique_ids(frame: pd.DataFrame, level: Level) -> pd.Series[str]:
    """The key of each row's node in hex: the same for the same names in every run."""
    names = list(level.names)
    if not names:
        return pd.Series(node_key(level.location, level.product).hex(), index=frame.index)
    distinct = frame[names].drop_duplicates()
    keys = [node_key(level.location, level.product, *row).hex() for row in distinct.itertuples(index=False)]
    lookup = distinct.assign(unique_id=keys)
    return frame[names].merge(lookup, on=names, how="left")["unique_id"].set_axis(frame.index)
