"""Sales out of the database as the table that the engine works on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.bulk import copy_out
from ml.db.catalog import Product, Series
from ml.db.sales import SalesRaw
from ml.errors import NotEnoughHistoryError
from ml.etl.cleaning import gaps as filling
from ml.etl.cleaning.policy import DEFAULT, CleaningSettings, read_settings
from ml.etl.partition import IS_LEAF, WHOLE, Partition
from ml.grains import Coverage, Grain, read_coverage
from ml.hierarchy import LOCATION_LEVELS, LOCATION_NAMES, PRODUCT_LEVELS, PRODUCT_NAMES, node_key
from ml.panel import Panel
from ml.periods import period_dates, period_number, period_numbers
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

    `settings` is the cleaning policy; returns are treated by it already. `partition` says of which leaves.
    """

    frame: pd.DataFrame
    coverage: Coverage
    grain: Grain
    settings: CleaningSettings = DEFAULT
    partition: Partition = WHOLE


def learned_coverage(session: Session, grain: Grain) -> Coverage:
    """What the sales cover, of which the last `grain.longest` periods are learned from.

    Raises NotEnoughHistoryError where fewer than `grain.least` periods are complete.
    """
    covered = read_coverage(session, grain)
    if covered is None or covered.last_complete is None or covered.periods < grain.least:
        raise NotEnoughHistoryError(covered.periods if covered else 0, grain.least, grain.unit)
    return covered.learned(grain)


def read_sales(
    session: Session, grain: Grain, coverage: Coverage | None = None, partition: Partition = WHOLE
) -> SalesTable:
    """The sales of a partition in the complete periods of `coverage` (None: of all that there are) by area and product.

    Raises NotEnoughHistoryError as `learned_coverage` does.
    """
    coverage = coverage or learned_coverage(session, grain)
    settings = read_settings(session)
    totals = TOTALS[grain.name]
    table = totals.table
    first, last = (totals.stored(day) for day in (coverage.first_complete, coverage.last_complete) if day)
    query = sa.select(table.series_id, totals.period, table.total_sales).where(
        totals.period.between(first, last), *partition.leaf_only(table.series_id)
    )
    frame = read_totals(session, query)
    if settings.returns == "ignore":
        frame = without_returns(session, frame, totals, partition)
    frame["ds"] = period_starts(frame.pop("period"))
    named = frame.merge(read_leaves(session, partition), on="leaf")
    return SalesTable(named[[*NAMES, "y", "ds"]], coverage, grain, settings, partition)


def read_totals(session: Session, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query for leaf, period and sales: `leaf, period, y`."""
    columns = ["leaf", "period", "y"]
    copied = copy_out(session, query)
    if copied is None:
        return read_frame(session, query, columns).astype({"y": float})
    types = {"leaf": "int64", "period": "category", "y": "float64"}
    options: dict[str, Any] = {"dtype": types, "float_precision": "round_trip", "low_memory": False}
    frame = pd.DataFrame(pd.read_csv(copied, names=columns, **options))
    is_day = isinstance(query.selected_columns[1].type, sa.Date)
    named = [date.fromisoformat(name) if is_day else name for name in frame["period"].cat.categories]
    frame["period"] = np.array(named, dtype=object)[frame["period"].cat.codes]
    return frame


def read_frame(session: Session, query: sa.Select[Any], columns: list[str]) -> pd.DataFrame:
    """The rows of a query, fetched in parts: those of many days would not fit into memory as Python's tuples."""
    parts = session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)).partitions()
    frames = [pd.DataFrame(part, columns=columns) for part in parts]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def period_starts(periods: pd.Series[Any]) -> pd.Series[pd.Timestamp]:
    """Periods as the tables name them (dates, and months as 'YYYY-MM') as timestamps of their first days."""
    codes, names = pd.factorize(periods)
    return pd.Series(pd.to_datetime(pd.Index(names)).to_numpy()[codes], index=periods.index)


def read_leaves(session: Session, partition: Partition = WHOLE) -> pd.DataFrame:
    """The NAMES of each place and product of a partition that was sold, by the number of its series (`leaf`)."""
    columns = [
        Series.id, Series.region, Series.territory, Series.area,
        Product.category, Product.subcategory, Series.product_id,
    ]  # fmt: skip
    query = sa.select(*columns).join(Product, Product.id == Series.product_id)
    leaves = query.where(IS_LEAF, *partition.conditions())
    return pd.DataFrame(session.execute(leaves).all(), columns=["leaf", *NAMES])


def without_returns(
    session: Session, frame: pd.DataFrame, totals: Totals, partition: Partition = WHOLE
) -> pd.DataFrame:
    """Rows of leaf and `period` without what the negative rows took off; those of returns alone go."""
    period = totals.period_of(SalesRaw.sale_date)
    query = sa.select(SalesRaw.series_id, period, sa.func.sum(SalesRaw.sales_amount))
    query = query.where(SalesRaw.sales_amount < 0, *partition.leaf_only(SalesRaw.series_id)).group_by(
        SalesRaw.series_id, period
    )
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


def base_panel(table: SalesTable, level: Level) -> tuple[Panel, pd.DataFrame]:
    """The panel to forecast, and its nodes: `unique_id` with the columns of `level`, one row per series.

    A series starts with its first sale; later periods without sales, up to the last complete one, are as the policy's
    `gaps` says.
    """
    columns, grain = list(level.columns), table.grain
    nodes, codes = named_nodes(table.frame, level)
    ids, places = np.unique(nodes["unique_id"].to_numpy(dtype=object), return_inverse=True)
    numbers = period_numbers(pd.DatetimeIndex(table.frame["ds"]), grain.freq)
    last = table.coverage.last_complete
    end = max(int(numbers.max()), int(numbers.max()) if last is None else period_number(pd.Timestamp(last), grain.freq))
    span = np.arange(int(numbers.min()), end + 1)
    at = places[codes] * len(span) + (numbers - span[0])
    summed = table.frame["y"].groupby(at).sum()
    sold = np.full(len(ids) * len(span), np.nan)
    sold[summed.index.to_numpy()] = summed.to_numpy()
    begun = np.logical_or.accumulate(np.isfinite(sold.reshape(len(ids), len(span))), axis=1)
    row, column = np.nonzero(begun)
    first = nodes.iloc[np.unique(places, return_index=True)[1]]
    dates = period_dates(span, grain.freq, like=table.frame["ds"].iloc[0])
    frame = pd.DataFrame({"unique_id": ids[row], "ds": dates.take(column), "y": sold[begun.ravel()]})
    frame["y"] = filling.fill(frame["y"], frame["unique_id"], table.settings.gaps)
    for name in columns:
        frame[name] = first[name].astype(str).to_numpy(dtype=object)[row]
    panel = Panel(frame, grain.freq, grain.season_length, tuple(columns))
    return panel, nodes.drop_duplicates("unique_id", ignore_index=True)


def named_nodes(frame: pd.DataFrame, level: Level) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The nodes of a level (`unique_id` and its columns) in the order of their names, and which one each row is of."""
    nodes = pd.DataFrame(index=[0])
    codes: NDArray[Any] = np.zeros(len(frame), dtype=np.int64)
    if columns := list(level.columns):
        groups = frame.groupby(columns, sort=True)
        nodes, codes = groups.size().index.to_frame(index=False), groups.ngroup().to_numpy()
    nodes.insert(0, "unique_id", unique_ids(nodes, level))
    return nodes, codes


def unique_ids(frame: pd.DataFrame, level: Level) -> pd.Series[str]:
    """The key of each row's node in hex: the same for the same names in every run."""
    names = list(level.names)
    if not names:
        return pd.Series(node_key(level.location, level.product).hex(), index=frame.index)
    distinct = frame[names].drop_duplicates()
    keys = [node_key(level.location, level.product, *row).hex() for row in distinct.itertuples(index=False)]
    lookup = distinct.assign(unique_id=keys)
    return frame[names].merge(lookup, on=names, how="left")["unique_id"].set_axis(frame.index)
