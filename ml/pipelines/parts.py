"""One partition of a run: extracted, forecast and written; what has to be added up over partitions is handed over."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import joblib
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.bulk import insert_rows
from ml.db.results import ForecastFactor, ForecastPartition, ForecastResult, ForecastRun, ModelVersion
from ml.errors import ConflictError
from ml.etl.cleaning.flags import store_flags
from ml.etl.extract import Level, SalesTable, read_sales
from ml.etl.nodes import ensure_series
from ml.etl.partition import WHOLE
from ml.grains import MONTHLY, Coverage, get_grain
from ml.pipelines.actuals import Keys, Sold, record_actuals, sold_by_node, waiting
from ml.pipelines.claims import Claim
from ml.pipelines.factors import MOST_SERIES, store_units, theme_units
from ml.pipelines.making import Made, add_up, columns_of, make
from ml.pipelines.profiles import Leaves, recent_leaves, with_expected
from ml.progress import Progress

CHUNK = 20_000


@dataclass(frozen=True)
class HandOver:
    """What one partition adds to nodes that none holds wholly: means (as of `add_up`), units of themes, and what they
    sold in periods whose actual is asked for. With it the leaves, of months."""

    means: pd.DataFrame
    units: pd.DataFrame
    sold: Sold
    leaves: Leaves | None


@dataclass(frozen=True)
class Plan:
    """What all partitions of a run go by, whatever sales come in the meantime."""

    coverage: Coverage
    leaves: int

    @property
    def as_of(self) -> date:
        """The last complete period."""
        return self.coverage.last_complete or self.coverage.last

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        days = {name: day and day.isoformat() for name, day in vars(self.coverage).items() if name != "periods"}
        return {**days, "periods": self.coverage.periods, "leaves": self.leaves}

    @classmethod
    def of(cls, run: ForecastRun) -> Plan:
        """That of a run."""
        stored = dict(run.plan or {})
        leaves, periods = stored.pop("leaves"), stored.pop("periods")
        days = {name: day and date.fromisoformat(day) for name, day in stored.items()}
        return cls(Coverage(**days, periods=periods), leaves)


def forecast_partition(
    session: Session, store: ArtifactStore, run: ForecastRun, claim: Claim, progress: Progress
) -> None:
    """Forecast and write the partition of a claim, a chunk a transaction; raises ConflictError where it was lost."""
    if claim.again:
        remove_rows(session, run, claim)
    plan, model = Plan.of(run), session.get_one(ModelVersion, run.model_id)
    progress("reading sales")
    table = read_sales(session, get_grain(run.grain), plan.coverage, claim.part)
    if table.frame.empty:
        claim.finish(session)
        return
    made = make(session, store, model, table, run.horizon, progress=progress)
    if made.cleaned.panel.last.date() != run.as_of:
        raise ConflictError(
            f"sales now end before {run.as_of:%Y-%m-%d}, the last period that forecast run {run.id} began with; "
            "forecast again."
        )
    ids = ensure_series(session, made.hierarchy.every, claim.part)
    claim.commit(session)
    progress("recording actuals")
    store_flags(session, made.cleaned, ids, run.grain, claim.part)
    record_actuals(session, made.cleaned.sold, made.hierarchy, ids, run.grain, partition=claim.part)
    claim.commit(session)
    store_rows(session, claim, columns_of(made.frame, run, ids, model), progress)
    progress("explaining")
    share = claim.part.leaves / plan.leaves if plan.leaves else 1.0
    held, crossing = theme_units(made.issued, max(round(MOST_SERIES * share), 1))
    store_units(session, run, held, ids)
    handed = HandOver(
        means=add_up(made.reconciled, made.hierarchy.above),
        units=crossing,
        sold=sold_above(session, run, made, ids),
        leaves=leaves_of(run, made, table),
    )
    path, checksum = keep(store, run, claim, handed)
    own = len(made.hierarchy.sums.nodes) + len(made.hierarchy.nodes)
    claim.finish(session, series_count=own, rows_count=len(made.frame), path=path, checksum=checksum)


def remove_rows(session: Session, run: ForecastRun, claim: Claim) -> None:
    """What an earlier holder of the claim wrote."""
    for table in (ForecastResult, ForecastFactor):
        mine = (table.run_id == run.id, *claim.part.only(table.series_id))
        session.execute(sa.delete(table).where(*mine), execution_options={"synchronize_session": False})
    claim.commit(session)


def store_rows(session: Session, claim: Claim, columns: Mapping[str, list[Any]], progress: Progress) -> None:
    """Write the rows of an unpublished run, a chunk a transaction."""
    count = len(columns["period"])
    for start in range(0, count, CHUNK):
        insert_rows(session, ForecastResult, {name: values[start : start + CHUNK] for name, values in columns.items()})
        claim.commit(session)
        progress("storing forecasts", min(start + CHUNK, count), count)


def sold_above(session: Session, run: ForecastRun, made: Made, ids: Mapping[str, int]) -> Sold:
    """What its series add to the sales of crossing nodes, in the periods whose actual is asked for there."""
    above, panel = made.hierarchy.above, made.cleaned.sold
    asked = {period for _, period in open_above(session, run, panel.periods[0].date(), above.levels)}
    return sold_by_node(panel, above, ids, asked) if asked else {}


def leaves_of(run: ForecastRun, made: Made, table: SalesTable) -> Leaves | None:
    """The places and products of a table of months."""
    if run.grain != MONTHLY.name:
        return None
    return with_expected(recent_leaves(table.frame, run.as_of), made.bundle.base, made.reconciled)


def open_above(session: Session, run: ForecastRun, first: date, levels: Sequence[Level]) -> Keys:
    """The nodes of some levels, and periods from `first` on, whose actual is not filled in yet."""
    of = [ForecastResult.series_id.in_(WHOLE.series(*levels))]
    return waiting(session, run.grain, first, run.as_of, of) if levels else set()


def folder_of(run_id: int) -> str:
    """Where the partitions of a run hand over."""
    return f"runs/{run_id}"


def keep(store: ArtifactStore, run: ForecastRun, claim: Claim, handed: HandOver) -> tuple[str, str]:
    """Store what is handed over; returns its path and checksum."""
    buffer = io.BytesIO()
    joblib.dump(handed, buffer, compress=1)
    path = f"{folder_of(run.id)}/{claim.place}-{claim.number}.joblib"
    return path, store.put(path, buffer.getvalue())


def fetch(store: ArtifactStore, partition: ForecastPartition) -> HandOver | None:
    """What a partition handed over; None where it had nothing to forecast. Raises ArtifactError."""
    if partition.path is None:
        return None
    handed: HandOver = joblib.load(io.BytesIO(store.get(partition.path, partition.checksum)))
    return handed
