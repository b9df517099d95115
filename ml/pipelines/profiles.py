"""Profiles: a row per node of every level that the data names, for pages that list, sort and compare series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows
from ml.db.profiles import SeriesProfile
from ml.etl.extract import NAMES, Level, available_levels, unique_ids
from ml.pipelines.issued import SeriesErrors

Floats = NDArray[np.float64]

YEAR, TREND = 12, 24
"""Months of the figures, and of the small line."""
SHARES = (0.8, 0.95)
"""Classes A and B end where the largest series have made up these shares of all sales of their level."""
VARIATIONS = (0.5, 1.0)
"""Classes X and Y end at these coefficients of variation of a year's months."""
TEXTS = ("region", "territory", "area", "category", "subcategory")


@dataclass(frozen=True)
class Leaves:
    """Areas x products: their NAMES, what they sold in the last TREND months, and what is expected, (leaf, month)."""

    names: pd.DataFrame
    sold: Floats
    expected: Floats

    @classmethod
    def together(cls, parts: Sequence[Leaves]) -> Leaves:
        """Those of several partitions."""
        names = pd.concat([part.names for part in parts], ignore_index=True)
        return cls(names, np.concatenate([part.sold for part in parts]), np.concatenate([p.expected for p in parts]))


def store_profiles(session: Session, leaves: Leaves, as_of: date, errors: SeriesErrors) -> int:
    """Replace all profiles by those of `leaves`; returns how many. `errors` are those of earlier forecasts by series
    key. The caller commits."""
    session.execute(sa.delete(SeriesProfile))
    places, products = available_levels(leaves.names)
    return sum(
        insert_rows(session, SeriesProfile, level_columns(leaves, Level(place, product), as_of, errors))
        for place in places
        for product in products
    )


def recent_leaves(frame: pd.DataFrame, as_of: date) -> Leaves:
    """The leaves of all sales, with those of the months up to `as_of`."""
    by_leaf = frame.groupby(list(NAMES), sort=True)
    codes = by_leaf.ngroup().to_numpy()
    names = by_leaf.size().index.to_frame(index=False)
    last = pd.Timestamp(as_of)
    back = (last.year - frame["ds"].dt.year) * 12 + last.month - frame["ds"].dt.month
    recent = ((back >= 0) & (back < TREND)).to_numpy()
    sold = np.zeros((len(names), TREND))
    np.add.at(sold, (codes[recent], TREND - 1 - back.to_numpy()[recent]), frame["y"].to_numpy()[recent])
    return Leaves(names, sold, np.zeros((len(names), 0)))


def with_expected(leaves: Leaves, base: Level, made: pd.DataFrame) -> Leaves:
    """The same with each base forecast shared out by what its leaves sold in a year; evenly where they sold nothing."""
    wide = made.pivot(index="unique_id", columns="ds", values="mean").iloc[:, :YEAR]
    keys = unique_ids(leaves.names, base)
    codes, series = pd.factorize(keys)
    sold = np.maximum(leaves.sold[:, -YEAR:].sum(axis=1), 0.0)
    totals, counts = np.bincount(codes, sold), np.bincount(codes)
    share = np.where(totals[codes] > 0, sold / np.where(totals > 0, totals, 1.0)[codes], 1.0 / counts[codes])
    means = wide.reindex(series).fillna(0.0).to_numpy()
    return Leaves(leaves.names, leaves.sold, means[codes] * share[:, None])


def level_columns(leaves: Leaves, level: Level, as_of: date, errors: SeriesErrors) -> dict[str, Sequence[Any]]:
    """The columns of a level's rows; nodes that lack a name of their own are no level of their own, and left out."""
    keys = unique_ids(leaves.names, level)
    codes, series = pd.factorize(keys)
    nodes = leaves.names.groupby(codes).first()
    sold, expected = summed(leaves.sold, codes, len(series)), summed(leaves.expected, codes, len(series))
    named = np.all([(nodes[name] != "").to_numpy() for name in finest(level)], axis=0) & np.ones(len(series), bool)
    nodes, sold, expected, series = nodes[named], sold[named], expected[named], series[named]
    return {
        "location_level": [level.location] * len(series),
        "product_level": [level.product] * len(series),
        **{name: (nodes[name] if name in level.columns else pd.Series("", nodes.index)).tolist() for name in TEXTS},
        "product_id": (nodes["product_id"].tolist() if level.product == "product" else [None] * len(series)),
        "as_of": [as_of] * len(series),
        **figures(sold, expected),
        **errors.columns(series),
    }


def summed(values: Floats, codes: NDArray[np.int64], count: int) -> Floats:
    """Rows of `values` added up by code."""
    found = np.zeros((count, values.shape[1]))
    np.add.at(found, codes, values)
    return found


def finest(level: Level) -> list[str]:
    """The names that a node of the level has for itself."""
    names = [level.location, "product_id" if level.product == "product" else level.product]
    return [name for name in names if name != "total"]


def figures(sold: Floats, expected: Floats) -> dict[str, Sequence[Any]]:
    """Years, growth, variation, classes and lines of the nodes of a level."""
    last, previous = sold[:, -YEAR:].sum(axis=1), sold[:, :-YEAR].sum(axis=1)
    variation = variation_of(sold[:, -YEAR:])
    return {
        "last12": last.tolist(),
        "previous12": previous.tolist(),
        "next12": expected.sum(axis=1).tolist(),
        "growth": [(now - then) / then if then > 0 else None for now, then in zip(last, previous, strict=True)],
        "variation": [None if np.isnan(value) else float(value) for value in variation],
        "volume_class": volume_classes(last),
        "variability_class": ["XYZ"[sum(not value <= end for end in VARIATIONS)] for value in variation],
        "trend": sold.round(2).tolist(),
        "outlook": expected.round(2).tolist(),
    }


def variation_of(months: Floats) -> Floats:
    """The standard deviation of each row by its mean; NaN where nothing, or less, was sold."""
    mean = months.mean(axis=1)
    return np.where(mean > 0, months.std(axis=1) / np.where(mean > 0, mean, 1.0), np.nan)


def volume_classes(sales: Floats) -> list[str]:
    """A for the largest nodes, B for the next, C for the rest; a node belongs where its share begins."""
    sizes = np.maximum(sales, 0.0)
    order = np.argsort(-sizes, kind="stable")
    total = sizes.sum()
    before = np.cumsum(sizes[order]) - sizes[order]
    ranks = np.searchsorted(SHARES, before / total if total > 0 else np.ones(len(sizes)), side="right")
    ranks = np.where(sizes[order] > 0, ranks, len(SHARES))
    classes = np.empty(len(sizes), dtype=object)
    classes[order] = np.array(list("ABC"), dtype=object)[ranks]
    return [str(one) for one in classes]
