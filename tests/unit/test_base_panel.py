"""The panel of sales, made of matrices, is the one that rows filled one by one make."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from ml.etl.cleaning.policy import CleaningSettings
from ml.etl.extract import NAMES, Level, SalesTable, base_panel, unique_ids
from ml.grains import GRAINS, Coverage, Grain
from ml.panel import Panel, fill_gaps


def a_table(grain: Grain, gaps: str, last: date | None = None) -> SalesTable:
    """Sales of 40 places and products in some of 12 periods; the last of them sold nothing of late."""
    random = np.random.default_rng(5)
    starts = [grain.shift(date(2024, 1, 1), ahead) for ahead in range(12)]
    names = [
        (f"R{place // 4}", "T", f"A{place}", f"C{product % 2}", "", product)
        for place in range(8)
        for product in range(1, 6)
    ]
    rows = [
        (*name, random.gamma(2.0, 50.0) - 20.0, start)
        for name in names
        for start in starts[random.integers(0, 6) : random.integers(7, 12)]
        if random.random() < 0.7
    ]
    frame = pd.DataFrame(rows, columns=[*NAMES, "y", "ds"]).sample(frac=1.0, random_state=7, ignore_index=True)
    frame["ds"] = pd.to_datetime(frame["ds"])
    coverage = Coverage(starts[0], last or starts[-1], starts[0], last, 12)
    return SalesTable(frame, coverage, grain, CleaningSettings(gaps=gaps))


def by_rows(table: SalesTable, level: Level) -> Panel:
    """The same, row by row."""
    columns = list(level.columns)
    summed = table.frame.groupby([*columns, "ds"], as_index=False, sort=True).agg({"y": "sum"})
    summed["unique_id"] = unique_ids(summed, level)
    last = table.coverage.last_complete
    until = None if last is None else pd.Timestamp(last)
    long = summed.astype(dict.fromkeys(columns, str))
    filled = fill_gaps(long, table.grain.freq, static=columns, gaps=table.settings.gaps, until=until)
    return Panel.from_frame(filled, table.grain.freq, table.grain.season_length, static=columns)


@pytest.mark.parametrize("gaps", ["zero", "none", "interpolate"])
@pytest.mark.parametrize(
    "level", [("area", "product"), ("region", "category"), ("total", "product"), ("total", "total")]
)
@pytest.mark.parametrize("grain", list(GRAINS))
def test_the_panel_is_that_of_rows_filled_one_by_one(grain: str, level: tuple[str, str], gaps: str) -> None:
    spec = GRAINS[grain]
    for last in (None, spec.shift(date(2024, 1, 1), 13)):
        table = a_table(spec, gaps, last)
        panel, nodes = base_panel(table, Level(*level))
        expected = by_rows(table, Level(*level))
        pd.testing.assert_frame_equal(panel.frame, expected.frame, check_exact=True)
        assert panel.static == expected.static
        assert sorted(nodes["unique_id"]) == list(panel.ids)
        assert list(nodes.columns) == ["unique_id", *Level(*level).columns]
