"""The hierarchy over base series: its levels, its nodes, and exact sums."""

from __future__ import annotations

import pandas as pd
import pytest

from ml.etl.extract import Level, unique_ids
from ml.reconcile import Hierarchy, parent_levels


@pytest.fixture
def hierarchy() -> Hierarchy:
    """Two regions with two territories each, one of them called alike, and two categories."""
    rows = [
        (region, territory, category)
        for region, territory in (("N", "A"), ("N", "B"), ("S", "A"), ("S", "C"))
        for category in ("x", "y")
    ]
    nodes = pd.DataFrame(rows, columns=["region", "territory", "category"])
    base = Level("territory", "category")
    nodes.insert(0, "unique_id", unique_ids(nodes, base))
    return Hierarchy.over(nodes, base)


def test_levels_go_from_coarse_to_fine_and_end_with_the_base(hierarchy: Hierarchy) -> None:
    named = [(level.location, level.product) for level in hierarchy.levels]
    places, products = ("total", "region", "territory"), ("total", "category")
    assert named == [(place, product) for place in places for product in products]
    assert hierarchy.base not in set(hierarchy.upper())


def test_levels_that_the_data_does_not_name_are_left_out() -> None:
    base = Level("territory", "total")
    nodes = pd.DataFrame({"region": ["", ""], "territory": ["A", "B"]})
    nodes.insert(0, "unique_id", unique_ids(nodes, base))
    found = Hierarchy.over(nodes, base)
    assert [level.location for level in found.levels] == ["total", "territory"]
    assert parent_levels(Level("territory", "total"), found.levels) == (Level("total", "total"), None)


def test_places_of_one_name_in_two_regions_are_two_nodes(hierarchy: Hierarchy) -> None:
    assert len(hierarchy.nodes_of(Level("territory", "total"))) == 4


def test_sums_equal_a_plain_loop(hierarchy: Hierarchy) -> None:
    frame = hierarchy.nodes[["unique_id"]].assign(ds=1, mean=[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0])
    level = Level("region", "category")
    summed = hierarchy.add_up(frame, level, ["mean"], ["ds"]).merge(hierarchy.nodes_of(level), on="unique_id")
    expected: dict[tuple[str, str], float] = {}
    for node, value in zip(hierarchy.nodes.itertuples(), frame["mean"], strict=True):
        key = (str(node.region), str(node.category))
        expected[key] = expected.get(key, 0.0) + value
    assert {(row.region, row.category): row.mean for row in summed.itertuples()} == expected


def test_parents_are_one_level_up_in_place_and_in_product(hierarchy: Hierarchy) -> None:
    parents = parent_levels(Level("territory", "category"), hierarchy.levels)
    assert parents == (Level("region", "category"), Level("territory", "total"))
    assert parent_levels(Level("total", "total"), hierarchy.levels) == (None, None)
