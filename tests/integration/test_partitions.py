"""A run in partitions: the same forecasts, each series once, whoever makes them and whoever is lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from threading import Thread
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from factories import Sale, load_sales, monthly_sales
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore
from ml.db.catalog import Series
from ml.db.cleaning import CleaningFlag
from ml.db.profiles import SeriesProfile
from ml.db.results import ForecastFactor, ForecastPartition, ForecastResult, ForecastRun
from ml.errors import ConflictError
from ml.etl.extract import Level
from ml.etl.partition import WHOLE, Partition, split
from ml.pipelines import forecast as forecasting
from ml.pipelines.claims import claim_next, free_lost, standing
from ml.pipelines.forecast import Crew, forecast, work_off
from ml.pipelines.parts import forecast_partition
from ml.pipelines.train import train
from ml.progress import silent
from ml.reconcile import Reconciler, Reconciliation

LEAF = Level("area", "product")


def bottom_up(frame: pd.DataFrame, *_: Any, **__: Any) -> tuple[Reconciler, pd.DataFrame]:
    return Reconciler(Reconciliation("bottom_up", "", {})), frame


@pytest.fixture
def added(session: Session, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> Session:
    """30 months of sales and a champion with trees, whose forecasts are added up as they are."""
    monkeypatch.setattr("ml.pipelines.train.fit_reconciler", bottom_up)
    return trained(session, store)


@pytest.fixture
def reconciled(session: Session, store: ArtifactStore) -> Session:
    """The same with a champion that reconciles as its backtest says."""
    return trained(session, store)


def trained(session: Session, store: ArtifactStore) -> Session:
    load_sales(session, monthly_sales(30))
    train(session, store, candidates=["seasonal_naive"])
    session.commit()
    return session


def growing_sales() -> Iterator[Sale]:
    """40 months that grow and scatter, so that a model with trees wins."""
    random = np.random.default_rng(0)
    for sale in monthly_sales(40):
        months = 12 * (sale.day.year - 2022) + sale.day.month
        yield replace(sale, amount=sale.amount * (1 + 0.04 * months) * random.lognormal(0, 0.05))


def results(session: Session, run_id: int) -> pd.DataFrame:
    """All rows of a run by series and period."""
    names = ["series_id", "period", "model_version", "mean", "p025", "p10", "p50", "p90", "p975"]
    query = sa.select(*(getattr(ForecastResult, name) for name in names)).where(ForecastResult.run_id == run_id)
    frame = pd.DataFrame(session.execute(query).all(), columns=names)
    return frame.set_index(["series_id", "period"]).sort_index()


def units(session: Session, run_id: int) -> pd.Series:
    query = sa.select(ForecastFactor.series_id, ForecastFactor.theme, ForecastFactor.units)
    rows = session.execute(query.where(ForecastFactor.run_id == run_id)).all()
    return pd.DataFrame(rows, columns=["series", "theme", "units"]).set_index(["series", "theme"])["units"].sort_index()


def profiles(session: Session) -> pd.DataFrame:
    rows = [
        {column.name: getattr(row, column.name) for column in SeriesProfile.__table__.columns if column.name != "id"}
        for row in session.scalars(sa.select(SeriesProfile))
    ]
    keys = ["location_level", "product_level", "region", "territory", "area", "category", "product_id"]
    return pd.DataFrame(rows).sort_values(keys, ignore_index=True)


@pytest.mark.parametrize(
    ("base", "most", "expected"),
    [
        (LEAF, 12, [(12, None)]),
        (LEAF, 9, [(9, None), (3, None)]),
        (LEAF, 6, [(6, None), (6, None)]),
        (LEAF, 3, [(3, None)] * 4),
        (LEAF, 2, [(2, "range"), (1, "range")] * 4),
        (Level("region", "product"), 5, [(3, "range"), (3, "range"), (3, "range"), (3, None)]),
        (Level("region", "category"), 2, [(9, None), (3, None)]),
        (Level("total", "total"), 2, [(12, None)]),
    ],
)
def test_leaves_are_split_by_place_and_then_by_product(
    session: Session, base: Level, most: int, expected: list[tuple[int, str | None]]
) -> None:
    load_sales(session, monthly_sales(3))
    parts = split(session, base, most)
    assert [(part.leaves, part.products and "range") for part in parts] == expected
    assert [Partition.read(part.as_dict()) for part in parts] == parts
    held = [set(session.scalars(part.series(LEAF))) for part in parts]
    assert sum(map(len, held)) == len(set().union(*held)) == 12
    assert all(part.holds(base) for part in parts)


def test_partitions_forecast_what_one_does(
    session: Session, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml.pipelines.train.fit_reconciler", bottom_up)
    load_sales(session, growing_sales())
    assert train(session, store, candidates=["lightgbm"]).model == "lightgbm"
    session.commit()
    added = session
    whole = forecast(added, store, horizon=4)
    added.commit()
    alone = (results(added, whole.run_id), units(added, whole.run_id), profiles(added))
    assert len(alone[1]) > 100
    for leaves, count in ((9, 2), (6, 2), (3, 4), (2, 8)):
        found = forecast(added, store, horizon=4, crew=Crew(leaves=leaves))
        added.commit()
        of = sa.select(ForecastPartition).where(ForecastPartition.run_id == found.run_id)
        assert [one.state for one in added.scalars(of)] == ["done"] * count
        assert (found.series, found.rows, found.as_of) == (whole.series, whole.rows, whole.as_of)
        pd.testing.assert_frame_equal(results(added, found.run_id), alone[0], rtol=1e-9)
        pd.testing.assert_series_equal(units(added, found.run_id), alone[1], rtol=1e-6, atol=1e-6)
        pd.testing.assert_frame_equal(profiles(added), alone[2])


@pytest.mark.parametrize("leaves", [9, 3, 2])
def test_reconciled_partitions_add_up(reconciled: Session, store: ArtifactStore, leaves: int) -> None:
    found = forecast(reconciled, store, horizon=4, crew=Crew(leaves=leaves))
    query = (
        sa.select(Series.location_level, Series.product_level, ForecastResult.period, sa.func.sum(ForecastResult.mean))
        .join(Series, Series.id == ForecastResult.series_id)
        .where(ForecastResult.run_id == found.run_id)
        .group_by(Series.location_level, Series.product_level, ForecastResult.period)
    )
    sums = pd.DataFrame(reconciled.execute(query).all(), columns=["place", "product", "period", "mean"])
    by_level = sums.pivot(index=["place", "product"], columns="period", values="mean")
    assert len(by_level) == 4 * 3
    assert (by_level - by_level.iloc[0]).abs().to_numpy().max() < 1e-6


def test_actuals_are_told_at_every_level(added: Session, store: ArtifactStore) -> None:
    first = forecast(added, store, horizon=3, crew=Crew(leaves=3))
    later = [sale for sale in monthly_sales(31) if sale.day >= date(2024, 7, 1)]
    load_sales(added, later)
    forecast(added, store, horizon=3, crew=Crew(leaves=2))
    query = (
        sa.select(Series.location_level, Series.product_level, sa.func.sum(ForecastResult.actual))
        .join(Series, Series.id == ForecastResult.series_id)
        .where(ForecastResult.run_id == first.run_id, ForecastResult.period == date(2024, 7, 1))
        .group_by(Series.location_level, Series.product_level)
    )
    sold = {(place, product): amount for place, product, amount in added.execute(query)}
    assert len(sold) == 4 * 3
    assert sold == pytest.approx(dict.fromkeys(sold, sum(sale.amount for sale in later)))


def test_a_place_that_sold_nothing_lately_is_forecast_from_the_same_month(added: Session, store: ArtifactStore) -> None:
    load_sales(added, [sale for sale in monthly_sales(32) if sale.day >= date(2024, 7, 1) and sale.region == "North"])
    whole = forecast(added, store, horizon=2)
    added.commit()
    alone = results(added, whole.run_id)
    found = forecast(added, store, horizon=2, crew=Crew(leaves=9))
    assert found.as_of == date(2024, 8, 1)
    pd.testing.assert_frame_equal(results(added, found.run_id), alone, rtol=1e-9)


def test_flags_of_other_partitions_stay(added: Session, store: ArtifactStore) -> None:
    added.execute(sa.update(ForecastRun).values(state="failed"))
    load_sales(added, [])
    leaves = added.scalars(sa.select(Series.id).where(Series.product_level == "product")).all()
    added.add_all(
        CleaningFlag(series_id=leaf, period=date(2023, 1, 1), grain="monthly", kind="outlier", value=-1.0, score=9.0,
                     reason="", verdict="accepted")
        for leaf in leaves
    )  # fmt: skip
    run = forecasting.begin(added, store, "monthly", 2, Crew(leaves=9))
    claim = claim_next(added, run.id, "one")
    assert claim is not None
    forecast_partition(added, store, run, claim, silent)
    kept = set(added.scalars(sa.select(CleaningFlag.series_id).where(CleaningFlag.value == -1.0)))
    assert kept == set(leaves) - set(added.scalars(claim.part.series(LEAF)))


class Killed(BaseException):
    """What ends a process without a word."""


def killed_at(phase: str, time: int) -> Callable[..., None]:
    """Progress that ends the process when it hears of a phase for the n-th time."""
    heard = []

    def tell(name: str, done: int = 0, total: int = 0) -> None:
        heard.append(name)
        if heard.count(phase) == time:
            raise Killed

    return tell


def test_a_run_goes_on_from_the_last_finished_partition(added: Session, store: ArtifactStore) -> None:
    crew = Crew(holder="7-1", leaves=3, wish="7")
    run = forecasting.begin(added, store, "monthly", 2, crew)
    for _ in range(2):
        claim = claim_next(added, run.id, "7-1")
        assert claim is not None
        forecast_partition(added, store, run, claim, silent)
    third = claim_next(added, run.id, "7-1")
    assert third is not None
    with pytest.raises(Killed):
        forecast_partition(added, store, run, third, killed_at("explaining", 1))
    added.rollback()
    done = dict(added.execute(sa.select(ForecastPartition.number, ForecastPartition.done_at)).all())
    found = forecast(added, store, "monthly", 2, crew=Crew("7-2", 3, "7", is_alive=lambda holder: holder == "7-2"))
    added.commit()
    assert found.run_id == run.id
    rows = added.scalars(sa.select(ForecastPartition).order_by(ForecastPartition.number)).all()
    assert [(row.claim, row.state, row.claimed_by) for row in rows] == [
        (1, "done", "7-1"), (1, "done", "7-1"), (2, "done", "7-2"), (1, "done", "7-2"),
    ]  # fmt: skip
    assert [row.done_at for row in rows[:2]] == [done[1], done[2]]
    assert len(results(added, run.id)) == found.rows


def test_whoever_was_cut_off_writes_nothing_more(
    added: Session, store: ArtifactStore, sessions: sessionmaker[Session]
) -> None:
    run = forecasting.begin(added, store, "monthly", 2, Crew(leaves=9))
    run_id = run.id
    lost = claim_next(added, run_id, "lost")
    assert lost is not None
    assert free_lost(added, run_id, lambda holder: holder != "lost") == 1
    with pytest.raises(ConflictError, match="was taken over"):
        forecast_partition(added, store, run, lost, silent)
    added.rollback()
    with sessions() as other:
        assert work_off(other, store, other.get_one(ForecastRun, run_id), Crew("other", 9), silent)
    with pytest.raises(ConflictError, match="was taken over"):
        lost.commit(added)
    added.rollback()
    assert not results(added, run_id).index.has_duplicates
    assert standing(added, run_id).complete


def test_several_processes_share_a_run(added: Session, store: ArtifactStore, sessions: sessionmaker[Session]) -> None:
    def help_out(run_id: int, name: str) -> None:
        with sessions() as session:
            while (claim := claim_next(session, run_id, name)) is not None:
                forecast_partition(session, store, session.get_one(ForecastRun, run_id), claim, silent)

    helpers: list[Thread] = []

    def invite(run: ForecastRun, count: int) -> None:
        helpers.extend(Thread(target=help_out, args=(run.id, f"helper {number}")) for number in range(2))

    def begin_with(phase: str, done: int = 0, total: int = 0) -> None:
        for helper in helpers:
            if helper.ident is None:
                helper.start()

    found = forecast(added, store, horizon=2, progress=begin_with, crew=Crew("first", 2, invite=invite))
    added.commit()
    for helper in helpers:
        helper.join()
    rows = added.scalars(sa.select(ForecastPartition).where(ForecastPartition.run_id == found.run_id)).all()
    assert {(row.state, row.claim) for row in rows} == {("done", 1)}
    assert len(results(added, found.run_id)) == found.rows


def test_progress_counts_series_over_all_partitions(added: Session, store: ArtifactStore) -> None:
    told: list[tuple[str, int, int]] = []

    def note(phase: str, done: int = 0, total: int = 0) -> None:
        told.append((phase, done, total))

    forecast(added, store, horizon=2, progress=note, crew=Crew(leaves=3))
    counted = [(done, total) for phase, done, total in told if phase == "forecasting partitions"]
    assert sorted(set(counted)) == [(0, 12), (3, 12), (6, 12), (9, 12)]
    assert counted == sorted(counted)


def test_what_was_handed_over_goes_with_the_next_run(added: Session, store: ArtifactStore) -> None:
    forecast(added, store, horizon=2, crew=Crew(leaves=3))
    added.commit()
    paths = added.scalars(sa.select(ForecastPartition.path)).all()
    assert all(store.exists(path) for path in paths if path)
    found = forecast(added, store, horizon=2)
    added.commit()
    assert not any(store.exists(path) for path in paths if path)
    assert set(added.scalars(sa.select(ForecastPartition.run_id))) == {found.run_id}


def test_a_run_that_broke_off_leaves_no_files(added: Session, store: ArtifactStore) -> None:
    broken = forecasting.begin(added, store, "monthly", 2, Crew(leaves=3))
    broken_id = broken.id
    claim = claim_next(added, broken_id, "lost")
    assert claim is not None
    forecast_partition(added, store, broken, claim, silent)
    held = claim_next(added, broken_id, "lost")
    assert held is not None
    store.put(f"runs/{broken_id}/nobody-knows.joblib", b"written before its process was killed")
    for _ in range(2):  # the next run ends it, the one after that finds it ended
        forecast(added, store, horizon=2)
        added.commit()
    assert not store.exists(f"runs/{broken_id}")
    assert added.scalar(sa.select(ForecastPartition.id).where(ForecastPartition.run_id == broken_id)) is None


def test_who_works_on_a_run_that_was_overtaken_writes_nothing_more(added: Session, store: ArtifactStore) -> None:
    broken = forecasting.begin(added, store, "monthly", 2, Crew(leaves=3))
    broken_id = broken.id
    held = claim_next(added, broken_id, "slow")
    assert held is not None
    forecast(added, store, horizon=2)
    added.commit()
    with pytest.raises(ConflictError, match="overtaken"):
        held.commit(added)
    added.rollback()
    assert claim_next(added, broken_id, "slow") is None
    assert results(added, broken_id).empty


def test_all_series_are_asked_for_without_a_condition() -> None:
    assert WHOLE.only(ForecastResult.series_id) == []
    assert WHOLE.whole
