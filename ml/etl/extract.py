"""Sales out of the database as the table that the engine works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.catalog import Product, Series
from ml.db.sales import SalesRaw
from ml.errors import NotEnoughHistoryError
from ml.etl.cleaning.policy import DEFAULT, CleaningSettings, read_settings
from ml.grains import Coverage, Grain, read_coverage
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS, PRODUCT_NAMES, node_key
from ml.panel import Panel, fill_gaps
from ml.totals import TOTALS, Totals

ROWS_AT_ONCE = 100_000
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
    """All sales of complete periods by area and product, of the last `grain.longest` periods at most.

    Raises NotEnoughHistoryError where fewer than `grain.least` periods are complete.
    """
    covered = read_coverage(session, grain)
    found = covered.periods if covered else 0
    coverage = covered.learned(grain) if covered else None
    first, last = (coverage.first_complete, coverage.last_complete) if coverage else (None, None)
    if coverage is None or first is None or last is None or found < grain.least:
        raise NotEnoughHistoryError(found, grain.least, grain.unit)
    settings = read_settings(session)
    totals = TOTALS[grain.name]
    table = totals.table
    query = sa.select(table.series_id, totals.period, table.total_sales).where(
        totals.period.between(totals.stored(first), totals.stored(last))
    )
    frame = read_frame(session, query, ["leaf", "period", "y"])
    frame["y"] = frame["y"].astype(float)
    if settings.returns == "ignore":
        frame = without_returns(session, frame, totals)
    frame["ds"] = period_starts(frame.pop("period"))
    named = frame.merge(read_leaves(session), on="leaf")
    return SalesTable(named[[*NAMES, "y", "ds"]], coverage, grain, settings)


def read_frame(session: Session, query: sa.Select[Any], columns: list[str]) -> pd.DataFrame:
    """The rows of a query, fetched in parts: those of many days would not fit into memory as Python's tuples."""
    parts = session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions()
    frames = [pd.DataFrame(part, columns=columns) for part in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def period_starts(periods: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Periods as the tables name them (dates, and months as 'YYYY-MM') as timestamps of their first days."""
    codes, names = pd.factorize(periods)
    return pd.Series(pd.to_datetime(pd.Index(names)).to_numpy()[codes], index=periods.index)


def read_leaves(session: Session) -> pd.DataFrame:
    """The NAMES of each place and product that was sold, by the number of its series (`leaf`)."""
    columns = [
        Series.id, Series.region, Series.territory, Series.area,
        Product.category, Product.subcategory, Series.product_id,
    ]  # fmt: skip
    query = sa.select(*columns).join(Product, Product.id == Series.product_id)
    leaves = query.where(Series.location_level == "area", Series.product_level == "product")
    return pd.DataFrame(session.execute(leaves).all(), columns=["leaf", *NAMES])


def without_returns(session: Session, frame: pd.DataFrame, totals: Totals) -> pd.DataFrame:
    """Rows of leaf and `period` without what the negative rows took off; those of returns alone go."""
    period = totals.period_of(SalesRaw.sale_date)
    query = sa.select(SalesRaw.series_id, period, sa.func.sum(SalesRaw.sales_amount))
    query = query.where(SalesRaw.sales_amount < 0).group_by(SalesRaw.series_id, period)
    returned = pd.DataFrame(session.execute(query).all(), columns=["leaf", "period", "returned"])
    joined = frame.merge(returned, on=["leaf", "period"], how="left")
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
    sales belong to series that sold in `active` periods of the grain (in half of all
    periods where the data is shorter) and often enough since their first sale
    (`density`), and when it makes a panel that the grain can afford (`most_values`).
    """
    places, products = available_levels(table.frame)
    by_depth: dict[int, list[Level]] = {}
    for i, place in enumerate(places):
        for j, product in enumerate(products):
            by_depth.setdefault(i + j, []).append(Level(place, product))
    for depth in sorted(by_depth, reverse=True):
        shares = {level: active_share(table, level) for level in by_depth[depth]}
        best = max(shares, key=lambda level: shares[level])
        if shares[best] >= 0.5:
            return best
    return Level("total", "total")


def active_share(table: SalesTable, level: Level) -> float:
    """The share of sales (in absolute value) in series of `level` with enough history; 0 where there are too many."""
    keys, grain, coverage = list(level.names), table.grain, table.coverage
    if not keys:
        return 1.0
    sold = table.frame[table.frame["y"] != 0]
    by_series = sold.assign(volume=sold["y"].abs()).groupby(keys)
    facts = by_series.agg(periods=("ds", "nunique"), first=("ds", "min"), volume=("volume", "sum"))
    total = facts["volume"].sum()
    most = grain.most_values
    if not total or (most is not None and len(facts) * coverage.periods > most):
        return 0.0
    starts = {day: grain.count(day.date(), coverage.last_complete or coverage.last) for day in facts["first"].unique()}
    enough = facts["periods"] >= min(grain.active, max(1, coverage.periods // 2))
    enough &= facts["periods"] >= grain.density * facts["first"].map(starts)
    return float(facts.loc[enough, "volume"].sum() / total)


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
