"""From sales to what is learned from: stockouts and outliers found, and corrected where the policy or a person says so.

The order matters: demand that a stockout cut off is no outlier, and no measure of what is usual.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.db.drivers import Event
from ml.etl.cleaning import events, outliers, stockouts, words
from ml.etl.cleaning.context import Context, Decision
from ml.etl.extract import CENT, Level, SalesTable, base_panel
from ml.etl.plans import plan_columns, with_plans
from ml.panel import Panel
from ml.periods import period_number

Floats = NDArray[np.float64]
FLAG_COLUMNS = ["unique_id", "ds", "kind", "value", "corrected", "score", "reason"]


@dataclass(frozen=True)
class Cleaned:
    """The base series as they were sold (`sold`) and as they are learned from (`panel`).

    `actual` is what forecasts are scored against: what was sold, or what is taken for the demand where a stockout cut
    it off (one value a row of the panels; NaN: not scored, as where the data is wrong). `flags` has FLAG_COLUMNS,
    `corrected` NaN where a period is left out. `nodes` is as of `base_panel`. What is known of periods to come stands
    behind the rows of `panel`.
    """

    panel: Panel
    sold: Panel
    actual: Floats
    nodes: pd.DataFrame
    flags: pd.DataFrame

    def score_against_actual(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows `unique_id, ds, y, …` of a backtest with `y` replaced by what forecasts are scored against."""
        if self.panel is self.sold:
            return frame
        actual = self.sold.frame[["unique_id", "ds"]].assign(y=self.actual)
        return frame.drop(columns="y").merge(actual, on=["unique_id", "ds"], how="left")


def clean_panel(table: SalesTable, level: Level, context: Context, known: Sequence[str] | None = None) -> Cleaned:
    """The panel of `level` under the policy of `table`; pure: the same for the same data, policy and decisions.

    `known` are its known columns, as a model learned them; None for those that there are plans for by now.
    """
    sold, nodes = base_panel(table, level)
    work = _Work.begin(table, level, context, sold, nodes)
    flags = pd.DataFrame([*work.stockouts(), *work.outliers()], columns=FLAG_COLUMNS)
    learned, actual = apply(work, flags)
    same = np.array_equal(learned, sold.frame["y"].to_numpy(), equal_nan=True)
    panel = sold if same else _with_values(sold, learned)
    columns = plan_columns(context.plans, sold, table.grain) if known is None else known
    panel = with_plans(panel, nodes, table.grain, context.plans, columns)
    return Cleaned(panel, sold, actual, nodes, flags)


def apply(work: _Work, flags: pd.DataFrame) -> tuple[Floats, Floats]:
    """What is learned from, and what is scored against; one value a row of the panel."""
    learned, actual = work.y.copy(), work.y.copy()
    for (key, ds, kind), corrected in corrections(work, flags).items():
        at = work.place(key, ds)
        if at is not None:
            learned[at] = corrected
            actual[at] = actual[at] if kind == "outlier" else corrected
    # A series of which nothing is left, and a last period that no series has, would be missing from the forecast.
    empty = ~np.isfinite(learned).any(axis=1)
    learned[empty] = work.y[empty]
    if not np.isfinite(learned[:, -1]).any():
        learned[:, -1] = work.y[:, -1]
    return work.flat(learned), work.flat(actual)


def corrections(work: _Work, flags: pd.DataFrame) -> dict[tuple[str, pd.Timestamp, str], float]:
    """What replaces which value (NaN: left out) by series, period and kind, under the policy and people's decisions.

    What a person accepted and is not found any more still holds as long as the sales are what they were.
    """
    settings = work.table.settings
    decided: dict[tuple[str, pd.Timestamp, str], Decision] = {
        (found.key, pd.Timestamp(found.period), found.kind): found for found in work.context.decisions
    }
    made = {}
    for key, ds, kind, _, corrected, *_ in flags.itertuples(index=False, name=None):
        decision = decided.pop((key, ds, kind), None)
        if settings.applies(kind, decision.verdict if decision else "open"):
            made[key, ds, kind] = float("nan") if corrected is None else corrected
    for place, found in decided.items():
        at = work.place(found.key, place[1])
        same = at is not None and abs(np.nan_to_num(work.y[at]) - found.value) < CENT
        if same and found.verdict == "accepted" and settings.applies(found.kind, found.verdict):
            made[place] = float("nan") if found.corrected is None else found.corrected
    return made


@dataclass
class _Work:
    """What the steps share: the base series as matrices, (series, periods)."""

    table: SalesTable
    level: Level
    context: Context
    sold: Panel
    nodes: list[dict[str, Any]]
    censored: NDArray[np.bool_]

    @classmethod
    def begin(cls, table: SalesTable, level: Level, context: Context, sold: Panel, nodes: pd.DataFrame) -> Self:
        """Nothing is censored yet; nodes in the order of the panel."""
        rows = nodes.set_index("unique_id").loc[sold.ids]
        names = [dict(zip(rows.columns, row, strict=True)) for row in rows.itertuples(index=False)]
        return cls(table, level, context, sold, names, np.zeros(sold.wide.y.shape, dtype=bool))

    @property
    def y(self) -> Floats:
        """As sold."""
        return self.sold.wide.y

    @cached_property
    def begun(self) -> NDArray[np.bool_]:
        """Where the panel has rows."""
        return np.arange(self.y.shape[1]) >= self.sold.wide.first[:, None]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Rows by series."""
        return {key: row for row, key in enumerate(self.sold.ids)}

    @cached_property
    def events_by_period(self) -> list[list[Event]]:
        """The events that touch each period."""
        spans = [(day.date(), self.table.grain.last_day(day.date())) for day in self.sold.periods]
        return [[event for event in self.context.events if events.overlap(event, *span)] for span in spans]

    def flat(self, matrix: Floats) -> Floats:
        """A matrix as a column of the panel, whose rows lie in the same order."""
        return matrix[self.begun]

    def place(self, key: str, ds: pd.Timestamp) -> tuple[int, int] | None:
        """Where a series and period is; None where the panel has none such."""
        row = self.rows.get(key)
        column = period_number(ds, self.sold.freq) - int(self.sold.wide.numbers[0])
        if row is None or not 0 <= column < self.y.shape[1] or not self.begun[row, column]:
            return None
        return row, column

    def stockouts(self) -> Iterator[tuple[Any, ...]]:
        """Flags of periods in which stock was out."""
        if self.context.stock.empty:
            return
        shares = stockouts.shares_out(self.context.stock, self.table, self.level, self.sold)
        if shares is None:
            return
        self.censored = (shares.out >= stockouts.LEAST_SHARE) & self.begun
        demand = stockouts.corrected(np.nan_to_num(self.y), shares.out)
        for row, column in np.argwhere(self.censored):
            value, out = float(np.nan_to_num(self.y[row, column])), float(shares.out[row, column])
            corrected = None if np.isnan(demand[row, column]) else float(demand[row, column])
            reason = words.stockout(value, corrected, out, int(shares.leaves[row]))
            yield self.flag(row, column, "stockout", value, corrected, out, reason)

    def outliers(self) -> Iterator[tuple[Any, ...]]:
        """Flags of values far from what is usual; call after `stockouts`."""
        settings = self.table.settings
        if settings.outliers == "off":
            return
        found = outliers.judge(np.where(self.censored, np.nan, self.y), self.sold.season_length)
        for row, column in np.argwhere(np.abs(found.score) > settings.threshold):
            event = self.event(row, column)
            score = float(found.score[row, column]) * (events.LESS if event else 1.0)
            if abs(score) <= settings.threshold:
                continue
            value, usual = float(self.y[row, column]), float(found.usual[row, column])
            period = self.sold.periods[column]
            when = words.season_of(period, self.sold.freq) if found.seasonal[row, column] else "around it"
            reason = words.outlier(value, usual, score, when)
            reason += f", although {events.name_of(event)} covers it" if event else ""
            yield self.flag(row, column, "outlier", value, usual, abs(score), reason)

    def event(self, row: int, column: int) -> Event | None:
        """The event that explains a period of a series, if there is one."""
        first = self.sold.periods[column].date()
        touching = self.events_by_period[column]
        return events.explaining(touching, self.nodes[row], first, self.table.grain.last_day(first))

    def flag(self, row: int, column: int, kind: str, *found: Any) -> tuple[Any, ...]:
        """A row of flags: value, corrected, score and reason behind series, period and kind."""
        return self.sold.ids[row], self.sold.periods[column], kind, *found


def _with_values(panel: Panel, y: Floats) -> Panel:
    """The panel with other values in the same rows."""
    frame = panel.frame.assign(y=y)
    return Panel(frame, panel.freq, panel.season_length, panel.static, panel.known)
