"""Profiles of nodes: years, classes, shares of what is expected."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.etl.extract import Level, unique_ids
from ml.pipelines.issued import SeriesErrors
from ml.pipelines.profiles import level_columns, recent_leaves, variation_of, volume_classes, with_expected

AS_OF = date(2026, 6, 1)
NO_ERRORS = SeriesErrors({}, {})
AREA = Level("area", "category")


def sales(rows: list[tuple[str, str, int, str, float]]) -> pd.DataFrame:
    """Rows of area, category, product, month and amount."""
    frame = pd.DataFrame(rows, columns=["area", "category", "product_id", "ds", "y"])
    return frame.assign(ds=pd.to_datetime(frame["ds"]), region="East", territory="", subcategory="")


SALES = sales(
    [
        ("Ayton", "Tools", 1, "2026-06", 30.0),
        ("Ayton", "Tools", 2, "2026-01", 10.0),
        ("Ayton", "Tools", 2, "2025-06", 20.0),
        ("Beeford", "Paint", 3, "2026-06", 5.0),
        ("Beeford", "Paint", 3, "2020-01", 999.0),  # long before what is looked at
    ]
)


def test_a_node_has_its_two_years_and_their_growth() -> None:
    found = level_columns(recent_leaves(SALES, AS_OF), Level("area", "total"), AS_OF, NO_ERRORS)
    assert found["area"] == ["Ayton", "Beeford"]
    assert found["last12"] == [40.0, 5.0]
    assert found["previous12"] == [20.0, 0.0]
    assert found["growth"] == [1.0, None]
    assert (len(found["trend"][0]), found["trend"][0][-1]) == (24, 30.0)
    assert found["category"] == ["", ""]


def test_what_is_expected_of_a_base_series_is_shared_by_sales_and_adds_up() -> None:
    leaves = recent_leaves(SALES, AS_OF)
    keys = dict(zip(leaves.names["area"], unique_ids(leaves.names, AREA), strict=True))
    months = pd.to_datetime(["2026-07", "2026-08"])
    made = pd.DataFrame(
        [{"unique_id": key, "ds": ds, "mean": 80.0} for key in dict.fromkeys(keys.values()) for ds in months]
    )
    shared = with_expected(leaves, AREA, made)
    products = level_columns(shared, Level("total", "product"), AS_OF, NO_ERRORS)
    assert dict(zip(products["product_id"], products["next12"], strict=True)) == {1: 120.0, 2: 40.0, 3: 160.0}
    assert sum(level_columns(shared, Level("total", "total"), AS_OF, NO_ERRORS)["next12"]) == 320.0


def test_leaves_that_sold_nothing_lately_share_evenly() -> None:
    frame = sales([("Ayton", "Tools", 1, "2020-01", 5.0), ("Ayton", "Tools", 2, "2020-01", 5.0)])
    leaves = recent_leaves(frame, AS_OF)
    made = pd.DataFrame({"unique_id": unique_ids(leaves.names, AREA)[:1], "ds": pd.Timestamp("2026-07"), "mean": 8.0})
    assert with_expected(leaves, AREA, made).expected.tolist() == [[4.0], [4.0]]


def test_nodes_without_a_name_of_their_own_are_left_out() -> None:
    found = level_columns(recent_leaves(SALES, AS_OF), Level("territory", "total"), AS_OF, NO_ERRORS)
    assert found["region"] == []


def test_errors_go_to_the_series_that_has_them() -> None:
    leaves = recent_leaves(SALES, AS_OF)
    key = unique_ids(leaves.names, Level("area", "total")).iloc[-1]
    errors = SeriesErrors({key: (0.2, -0.1, 7.0)}, {key: (5.0, 6.0, 4.0, 8.0)})
    found = level_columns(leaves, Level("area", "total"), AS_OF, errors)
    assert found["wape"] == [None, 0.2]
    assert found["expected"] == [None, 6.0]


@pytest.mark.parametrize(
    ("sold", "classes"),
    [([75.0, 15.0, 6.0, 4.0], "AABC"), ([0.0, 10.0], "CA"), ([0.0, 0.0], "CC"), ([-5.0, 10.0, 1.0], "CAB")],
)
def test_volume_classes_end_where_the_shares_are_reached(sold: list[float], classes: str) -> None:
    assert "".join(volume_classes(np.array(sold))) == classes


def test_variation_is_deviation_by_mean_and_unknown_without_sales() -> None:
    found = variation_of(np.array([[10.0, 10.0], [0.0, 20.0], [0.0, 0.0]]))
    assert found[:2].tolist() == [0.0, 1.0]
    assert np.isnan(found[2])
