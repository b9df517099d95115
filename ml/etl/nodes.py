"""The series rows of forecast levels: one per node, with its parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import insert_rows, lock_for_writing
from ml.db.catalog import Series
from ml.etl.extract import Level, unique_ids
from ml.etl.partition import WHOLE, Partition
from ml.reconcile import Hierarchy, parent_levels

TEXT_COLUMNS = ("region", "territory", "area", "category", "subcategory")


def ensure_series(session: Session, hierarchy: Hierarchy, partition: Partition = WHOLE) -> dict[str, int]:
    """The series ids of all nodes of `hierarchy`, that of a partition, by their key in hex; rows that lack are added.

    Levels go from coarse to fine, so that parents exist before their children. The caller commits.
    """
    lock_for_writing(session, Series)
    ids: dict[str, int] = {}
    for level in hierarchy.levels:
        nodes = hierarchy.nodes_of(level)
        known = read_ids(session, level, partition)
        missing = nodes[~nodes["unique_id"].isin(known)]
        if len(missing):
            insert_rows(session, Series, series_columns(missing, level, hierarchy, ids))
            known = read_ids(session, level, partition)
        ids |= {key: known[key] for key in nodes["unique_id"]}
    return ids


def read_ids(session: Session, level: Level, partition: Partition = WHOLE) -> dict[str, int]:
    """The ids of a level's series by their key in hex; of those in a partition where it holds them wholly."""
    own = partition.conditions() if partition.holds(level) else []
    query = sa.select(Series.key, Series.id).where(
        Series.location_level == level.location, Series.product_level == level.product, *own
    )
    return {key.hex(): number for key, number in session.execute(query)}


def series_columns(
    nodes: pd.DataFrame, level: Level, hierarchy: Hierarchy, ids: Mapping[str, int]
) -> dict[str, list[Any]]:
    """The columns of new series rows, as `insert_rows` takes them."""
    above, beside = parent_levels(level, hierarchy.levels)
    count = len(nodes)
    texts = {name: nodes[name].tolist() if name in nodes else [""] * count for name in TEXT_COLUMNS}
    return {
        "key": [bytes.fromhex(key) for key in nodes["unique_id"]],
        "location_level": [level.location] * count,
        "product_level": [level.product] * count,
        **texts,
        "product_id": nodes["product_id"].tolist() if "product_id" in nodes else [None] * count,
        "location_parent_id": parent_ids(nodes, above, ids),
        "product_parent_id": parent_ids(nodes, beside, ids),
    }


def parent_ids(nodes: pd.DataFrame, level: Level | None, ids: Mapping[str, int]) -> list[int | None]:
    """The ids of the nodes' parents at `level`; nulls where there is no such level."""
    if level is None:
        return [None] * len(nodes)
    return [ids[key] for key in unique_ids(nodes, level)]
