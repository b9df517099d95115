"""Extend: more periods of the forecast that readers see, from the same model and the same last period."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import insert_rows, lock_for_writing
from ml.db.overrides import ForecastOverride
from ml.db.results import ForecastResult, ForecastRun, ModelVersion
from ml.errors import ConflictError
from ml.etl.extract import SalesTable, read_sales
from ml.etl.nodes import ensure_series
from ml.grains import get_grain
from ml.overrides import reapply
from ml.pipelines.making import columns_of, make
from ml.progress import Progress, silent


@dataclass(frozen=True)
class Extension:
    """How far the run reaches now, and how many rows that took: none where it reached so far, or was replaced."""

    run_id: int
    grain: str
    horizon: int
    rows: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def extend(session: Session, store: ArtifactStore, run_id: int, periods: int, progress: Progress = silent) -> Extension:
    """Let the published run `run_id` reach `periods` periods ahead; what it says of nearer ones stays as it is.

    Readers see the new rows with the caller's commit, all at once, summed up and reconciled as those before them.
    Raises ConflictError where sales that the run knew are gone, ArtifactError, NotEnoughHistoryError.
    """
    run = session.get_one(ForecastRun, run_id)
    if is_done(run, periods):
        return Extension(run.id, run.grain, run.horizon, 0)
    model = session.get_one(ModelVersion, run.model_id)
    table = known_at(read_sales(session, get_grain(run.grain)), run)
    made = make(session, store, model, table, periods, progress=progress)
    progress("storing forecasts")
    ids = ensure_series(session, made.hierarchy)
    lock_for_writing(session, ForecastOverride)  # whoever publishes a run or changes one holds it too
    session.refresh(run)
    if is_done(run, periods):
        return Extension(run.id, run.grain, run.horizon, 0)
    last = pd.Timestamp(table.grain.shift(run.as_of, run.horizon))
    columns = columns_of(made.frame[made.frame["ds"] > last], run, ids, model)
    rows = insert_rows(session, ForecastResult, columns)
    run.horizon = periods
    progress("applying overrides")
    reapply(session, run)
    return Extension(run.id, run.grain, periods, rows)


def is_done(run: ForecastRun, periods: int) -> bool:
    """Whether there is nothing to do: the run reaches as far, or readers do not see it any more."""
    return run.slot is None or run.horizon >= periods


def known_at(table: SalesTable, run: ForecastRun) -> SalesTable:
    """The sales up to the last period that the run knew; raises ConflictError where they end before it."""
    last = table.coverage.last_complete
    if last is None or last < run.as_of:
        raise ConflictError(
            f"sales now end before {run.as_of:%Y-%m-%d}, the last {table.grain.word} that forecast run {run.id} knew; "
            "the forecast that follows from that is to be extended."
        )
    coverage = replace(table.coverage, last_complete=run.as_of)
    return replace(table, frame=table.frame[table.frame["ds"] <= pd.Timestamp(run.as_of)], coverage=coverage)
