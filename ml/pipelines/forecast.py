"""Forecast: the champion's forecasts for every stored level, partition by partition, published at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml import registry
from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.results import ForecastPartition, ForecastResult, ForecastRun, ModelVersion
from ml.errors import ConflictError
from ml.etl.extract import Level, learned_coverage
from ml.etl.partition import split
from ml.grains import get_grain
from ml.overrides import reapply, settle
from ml.pipelines.claims import claim_next, free_lost, standing
from ml.pipelines.factors import delete_factors
from ml.pipelines.parts import Plan, folder_of, forecast_partition
from ml.pipelines.totals import add_partitions
from ml.progress import Progress, silent
from ml.settings import PARTITION_SERIES

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class ForecastRunResult:
    """The run that readers now see."""

    run_id: int
    grain: str
    as_of: date
    horizon: int
    series: int
    rows: int
    model: str

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


@dataclass(frozen=True)
class Crew:
    """Who makes a run together; by default the caller alone.

    `holder` names the caller to the others, `is_alive` tells of a holder whether it still works, `invite` is called
    with the run and the number of its partitions, in the transaction that makes them. A run with the same `wish` that
    was begun and not ended is taken up again. Partitions have at most `leaves` places and products.
    """

    holder: str = "alone"
    leaves: int = PARTITION_SERIES
    wish: str | None = None
    invite: Callable[[ForecastRun, int], None] = lambda _run, _count: None
    is_alive: Callable[[str], bool] = lambda _holder: True


ALONE = Crew()


def forecast(
    session: Session,
    store: ArtifactStore,
    grain: str = "monthly",
    horizon: int | None = None,
    progress: Progress = silent,
    *,
    crew: Crew = ALONE,
) -> ForecastRunResult:
    """Forecast all stored levels from the last complete period on.

    Rows are committed in chunks under a run that nobody reads yet; publishing it is left to the
    caller's commit. Raises NoChampionError, ArtifactError, NotEnoughHistoryError, ConflictError where a later run of
    the grain has begun.
    """
    run = begin(session, store, grain, horizon, crew)
    while not work_off(session, store, run, crew, progress):
        time.sleep(POLL_SECONDS)
    rows = add_partitions(session, store, run, progress)
    progress("applying overrides")
    settle(session, grain, run.as_of)
    reapply(session, run)
    model = session.get_one(ModelVersion, run.model_id)
    publish(session, run, rows.series)
    return ForecastRunResult(run.id, grain, run.as_of, run.horizon, rows.series, rows.rows, model.model_type)


def begin(session: Session, store: ArtifactStore, grain: str, horizon: int | None, crew: Crew) -> ForecastRun:
    """A run with its partitions, or the one that the same wish has begun; committed."""
    spec = get_grain(grain)
    model = registry.champion(session, grain)
    steps = horizon or spec.horizon
    mine = (ForecastRun.grain == grain, ForecastRun.wish == crew.wish, ForecastRun.state == "running")
    begun = session.scalars(sa.select(ForecastRun).where(*mine)).first() if crew.wish is not None else None
    if begun is not None and (begun.model_id, begun.horizon) == (model.id, steps):
        session.commit()
        return begun
    forget_earlier(session, store, grain)
    coverage = learned_coverage(session, spec)
    parts = split(session, Level(model.location_level, model.product_level), crew.leaves)
    plan = Plan(coverage, sum(part.leaves for part in parts))
    run = start_run(session, model, plan, steps, crew.wish)
    session.add_all(
        ForecastPartition(run_id=run.id, number=number, part=part.as_dict(), leaves=part.leaves)
        for number, part in enumerate(parts, 1)
    )
    crew.invite(run, len(parts))
    session.commit()
    return run


def forget_earlier(session: Session, store: ArtifactStore, grain: str) -> None:
    """Drop the partitions of the grain's runs that have ended, and what they handed over, whoever of those that held
    one wrote it; the caller commits."""
    ended = sa.select(ForecastRun.id).where(ForecastRun.grain == grain, ForecastRun.state != "running")
    parts = ForecastPartition.run_id.in_(ended)
    for run_id in session.scalars(sa.select(ForecastPartition.run_id).where(parts).distinct()).all():
        store.delete_folder(folder_of(run_id))
    session.execute(sa.delete(ForecastPartition).where(parts), execution_options={"synchronize_session": False})


def start_run(session: Session, model: ModelVersion, plan: Plan, horizon: int, wish: str | None = None) -> ForecastRun:
    """A new run that is running; earlier, broken runs of the grain end, and who works on them can write no more. The
    caller commits."""
    broken = (ForecastRun.grain == model.grain) & (ForecastRun.state == "running")
    runs = sa.select(ForecastRun.id).where(broken)
    held = (ForecastPartition.run_id.in_(runs), ForecastPartition.state == "claimed")
    session.execute(sa.update(ForecastPartition).where(*held).values(state="owed"))
    session.execute(sa.delete(ForecastResult).where(ForecastResult.run_id.in_(runs)))
    session.execute(sa.update(ForecastRun).where(broken).values(state="failed"))
    run = ForecastRun(
        grain=model.grain, model_id=model.id, as_of=plan.as_of, horizon=horizon, plan=plan.as_dict(), wish=wish,
        location_level=model.location_level, product_level=model.product_level,
    )  # fmt: skip
    session.add(run)
    session.flush()
    delete_factors(session, run)
    return run


def work_off(session: Session, store: ArtifactStore, run: ForecastRun, crew: Crew, progress: Progress) -> bool:
    """Forecast partitions as long as any is owed; returns whether all are done, by whomever.

    Raises ConflictError where the run was overtaken.
    """
    while (claim := claim_next(session, run.id, crew.holder)) is not None:
        forecast_partition(session, store, run, claim, over_all(session, run, progress))
    free_lost(session, run.id, crew.is_alive)
    now = standing(session, run.id)
    if not now.wanted:
        raise overtaken(run)
    if not now.complete:
        progress("forecasting partitions", now.done_leaves, now.leaves)
    return now.complete


def over_all(session: Session, run: ForecastRun, progress: Progress) -> Progress:
    """Progress of one partition, told as that of the whole run where it has several."""
    now = standing(session, run.id)
    if now.partitions == 1:
        return progress

    def tell(phase: str, done: int = 0, total: int = 0) -> None:  # noqa: ARG001
        progress("forecasting partitions", now.done_leaves, now.leaves)

    return tell


def publish(session: Session, run: ForecastRun, series: int) -> None:
    """Put `run` in the place of the one that readers see now.

    Raises ConflictError where a later run of the grain has begun and removed this one's rows.
    """
    served = sa.update(ForecastRun).where(ForecastRun.slot == run.grain)
    session.execute(served.values(slot=None, state="superseded"))
    mine = sa.update(ForecastRun).where(ForecastRun.id == run.id, ForecastRun.state == "running")
    values = {"slot": run.grain, "state": "published", "series_count": series, "published_at": utc_now()}
    if cast("sa.CursorResult[Any]", session.execute(mine.values(**values))).rowcount != 1:
        raise overtaken(run)


def overtaken(run: ForecastRun) -> ConflictError:
    """What is said where a later run has begun."""
    return ConflictError(f"forecast run {run.id} was overtaken by a later one; its forecasts are being made there.")
