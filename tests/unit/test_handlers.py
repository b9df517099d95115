"""What follows from which event, and how events are written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.catalog import Customer, Product, Series
from ml.db.imports import Import
from ml.db.inventory import StockLevel
from ml.db.restock import PlanRun
from ml.db.results import ForecastRun, ModelVersion
from ml.db.sales import SalesDaily
from worker import restocking
from worker.chain import Chain
from worker.errors import UnknownEventError
from worker.events import (
    EVENTS,
    AggregatesRefreshed,
    AlertRaised,
    AlertResolved,
    Event,
    ForecastExtended,
    ForecastOverridden,
    ForecastPublished,
    JobCancelled,
    JobFailed,
    ModelDrifted,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    OrdersAccepted,
    ProductChanged,
    ProductMoved,
    ReceivablesPredicted,
    RecordsImported,
    SalesCleaned,
    SalesImported,
    SalesTakenBack,
    StockPlanned,
    StockRanLow,
    record,
    restore,
)
from worker.handlers import ALL_GRAINS, handle
from worker.models import JobRun, OutboxEvent
from worker.queues import request_job

DAY = date(2024, 2, 29)
NOON = datetime(2026, 7, 10, 12, tzinfo=UTC)
TRAINED = ModelTrained(grain="monthly", model_id=5, champion=True)
EXAMPLES: list[Event] = [
    SalesImported(import_id=3, first_date=date(2024, 1, 1), last_date=DAY, rows=12),
    SalesTakenBack(import_id=3, first_date=date(2024, 1, 1), last_date=DAY, rows=12),
    AggregatesRefreshed(since=None, until=DAY),
    RecordsImported(import_id=4, dataset="stock", rows=7),
    SalesCleaned(),
    TRAINED,
    ModelPromoted(grain="monthly", model_id=5, user="planner@example.com"),
    ModelRefused(grain="monthly", model_id=5, error="the file is missing"),
    ModelDrifted(grain="monthly", model_id=5, as_of=DAY),
    ForecastPublished(run_id=8, grain="monthly", series=40),
    StockPlanned(run_id=8, items=40, urgent=2, warning=3, orders=9),
    StockRanLow(run_id=8, count=1, items=[{"area": "Ayton", "product_code": "P-1", "cover_days": 0.5}]),
    OrdersAccepted(order_refs=["FC-1"], lines=2, user="ann@example.com"),
    ForecastExtended(run_id=8, grain="monthly", horizon=18),
    ForecastOverridden(override_id=2, grain="monthly", state="active"),
    ReceivablesPredicted(run_id=2, invoices=40, customers=9),
    JobFailed(job_id=9, kind="train", error="not enough history"),
    JobCancelled(job_id=9, kind="train", user="ann@example.com"),
    ProductChanged(product_id=4),
    ProductMoved(product_id=4),
    AlertRaised(alert_id=3, rule="Sales are old", severity="warning", subject="sales", message="40 days"),
    AlertResolved(alert_id=3, rule="Sales are old", subject="sales", message="1 day"),
]


def follow_ups(session: Session, event: Event) -> list[tuple[str, dict[str, Any]]]:
    """Record and handle an event; the jobs that it led to."""
    row = record(session, event)
    session.flush()
    handle(session, row.id, event)
    session.commit()
    jobs = session.scalars(sa.select(JobRun).order_by(JobRun.id)).all()
    assert all(job.caused_by == row.id for job in jobs)
    return [(job.kind, job.arguments) for job in jobs]


def add_sales(session: Session, *days: date) -> None:
    product = Product(key=b"p" * 16, code="P-1")
    series = Series(key=b"s" * 16, location_level="area", product_level="product")
    session.add_all([product, series])
    session.flush()
    facts = {"product_id": product.id, "series_id": series.id, "total_sales": 1.0, "total_qty": 1.0, "transactions": 1}
    session.add_all(SalesDaily(sale_date=day, **facts) for day in days or [DAY])


def an_import(dataset: str, state: str = "running") -> Import:
    unread = {"artifact": "", "sha256": "", "size": 0, "dialect": {}, "mapping": {}}
    return Import(dataset=dataset, filename=f"{dataset}.csv", state=state, **unread)


def add_champion(session: Session, first: date = DAY, last: date = DAY) -> None:
    session.add(
        ModelVersion(
            model_name="sales-monthly", model_type="seasonal_naive", version=1, path="models/1", metrics={},
            slot="monthly", alias="champion", grain="monthly", location_level="area", product_level="product",
            parameters={}, features=[], data_from=first, data_to=last, series_count=1, checksum="", libraries={},
        )
    )  # fmt: skip


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_is_restored_as_it_was_recorded(session: Session, event: Event) -> None:
    record(session, event)
    session.commit()
    session.expunge_all()
    assert restore(session.scalars(sa.select(OutboxEvent)).one()) == event


def test_every_event_has_an_example_here() -> None:
    assert {type(event).__name__ for event in EXAMPLES} == set(EVENTS)


@pytest.mark.parametrize(("name", "version"), [("SalesEaten", 1), ("ModelTrained", 2)])
def test_an_event_of_another_version_is_refused(name: str, version: int) -> None:
    row = OutboxEvent(id=4, name=name, version=version, payload={})
    with pytest.raises(UnknownEventError, match=f"event 4 is '{name}' of version {version}"):
        restore(row)


def test_a_field_that_a_newer_version_added_is_passed_over() -> None:
    payload = {"run_id": 1, "grain": "monthly", "series": 2, "colour": "red"}
    assert restore(OutboxEvent(name="ForecastPublished", version=1, payload=payload)) == ForecastPublished(
        1, "monthly", 2
    )


def test_new_totals_train_where_no_model_serves_yet(session: Session) -> None:
    add_sales(session)
    assert follow_ups(session, AggregatesRefreshed(None, None)) == [("train", {"grain": "monthly"})]


@pytest.mark.parametrize(("months", "kind"), [(11, "forecast"), (12, "train")])
def test_a_champion_of_half_the_present_data_is_trained_anew(session: Session, months: int, kind: str) -> None:
    add_sales(session, *(date(2024, month, 1) for month in range(1, months + 1)))
    add_champion(session, date(2024, 1, 1), date(2024, 6, 1))
    assert [job for job, _ in follow_ups(session, AggregatesRefreshed(None, None))] == [kind]


def test_new_totals_forecast_where_a_champion_serves(session: Session) -> None:
    add_sales(session)
    add_champion(session)
    forecast = ("forecast", {"grain": "monthly", "horizon": 12})
    assert follow_ups(session, AggregatesRefreshed(None, None)) == [forecast]


def test_sales_cleaned_otherwise_are_forecast_anew(session: Session) -> None:
    add_sales(session)
    add_champion(session)
    assert follow_ups(session, SalesCleaned()) == [("forecast", {"grain": "monthly", "horizon": 12})]


@pytest.mark.parametrize(("dataset", "jobs"), [("stock", ["clean"]), ("events", ["clean"]), ("invoices", [])])
def test_records_that_cleaning_looks_at_clean_anew(session: Session, dataset: str, jobs: list[str]) -> None:
    add_sales(session)
    assert [kind for kind, _ in follow_ups(session, RecordsImported(4, dataset, 7))] == jobs


def test_stock_that_comes_before_the_sales_cleans_nothing(session: Session) -> None:
    assert follow_ups(session, RecordsImported(4, "stock", 7)) == []


def test_invoices_payments_and_forecasts_are_collected_by_one_run_that_waits(session: Session) -> None:
    session.add(Customer(key=b"c" * 16, code="C-1"))
    happens(session, RecordsImported(4, "invoices", 7), RecordsImported(5, "payments", 7))
    happens(session, ForecastPublished(1, "monthly", 3), RecordsImported(6, "products", 7))
    jobs = [job.kind for job in session.scalars(sa.select(JobRun)) if job.kind != "drift"]
    assert jobs == ["collect"]
    session.execute(sa.update(JobRun).values(state="succeeded"))
    happens(session, ForecastPublished(2, "weekly", 3))
    assert session.scalar(sa.select(sa.func.count()).where(JobRun.kind == "collect")) == 1
    happens(session, RecordsImported(7, "payments", 7))
    assert session.scalar(sa.select(sa.func.count()).where(JobRun.kind == "collect")) == 2


def test_the_first_forecast_comes_before_payments_are_predicted(session: Session) -> None:
    session.add(Customer(key=b"c" * 16, code="C-1"))
    add_sales(session)
    happens(session, AggregatesRefreshed(None, None), RecordsImported(4, "invoices", 7))
    assert [kind for kind, _ in asked(session)] == ["train"]
    session.execute(sa.update(JobRun).values(state="succeeded"))
    happens(session, ForecastPublished(1, "monthly", 3))
    assert session.scalar(sa.select(sa.func.count()).where(JobRun.kind == "collect")) == 1


def test_where_the_first_forecast_fails_payments_are_predicted_all_the_same(session: Session) -> None:
    session.add(Customer(key=b"c" * 16, code="C-1"))
    add_sales(session)
    happens(session, AggregatesRefreshed(None, None), RecordsImported(4, "invoices", 7))
    job = session.scalars(sa.select(JobRun)).one()
    job.state = "failed"
    happens(session, JobFailed(job.id, "train", "not enough history"))
    assert session.scalar(sa.select(sa.func.count()).where(JobRun.kind == "collect")) == 1


def test_one_plan_of_the_stock_follows_the_last_forecast_and_what_changes_it(session: Session) -> None:
    happens(session, ForecastPublished(1, "monthly", 3), RecordsImported(4, "purchase_orders", 7))
    kinds = sa.select(JobRun.kind).where(JobRun.kind == "restock")
    assert session.scalars(kinds).all() == [], "no stock is counted"
    product = Product(key=b"p" * 16, code="P-1")
    session.add(product)
    session.flush()
    session.add(StockLevel(key=b"s" * 16, day=DAY, area="Ayton", product_id=product.id, on_hand=3.0))
    add_champion(session)
    model = session.scalars(sa.select(ModelVersion.id)).one()
    run = {"model_id": model, "as_of": DAY, "horizon": 1, "location_level": "area"}
    session.add(ForecastRun(grain="monthly", slot="monthly", state="published", product_level="product", **run))
    request_job(session, "train", {"grain": "weekly"})
    happens(session, ForecastPublished(1, "monthly", 3), ForecastPublished(1, "monthly", 3))
    assert session.scalars(kinds).all() == ["restock"], "at once, since there is no plan"
    assert session.scalars(sa.select(JobRun.run_after).where(JobRun.kind == "restock")).one() <= utc_now()
    session.execute(sa.update(JobRun).where(JobRun.kind == "restock").values(state="succeeded"))
    forecast = session.scalars(sa.select(ForecastRun)).one()
    session.add(
        PlanRun(slot="stock", state="published", today=DAY, grain="monthly", forecast_run_id=forecast.id, days=9)
    )
    happens(session, ForecastPublished(1, "monthly", 3), RecordsImported(5, "suppliers", 7))
    assert len(session.scalars(kinds).all()) == 1, "another grain is on its way"
    session.execute(sa.update(JobRun).values(state="succeeded"))
    happens(session, ForecastPublished(2, "weekly", 3), RecordsImported(5, "suppliers", 7))
    assert len(session.scalars(kinds).all()) == 2
    session.execute(sa.update(JobRun).values(state="succeeded"))
    session.add(ForecastRun(grain="daily", slot="daily", state="published", product_level="product", **run))
    request_job(session, "train", {"grain": "weekly"})
    happens(session, ForecastPublished(3, "daily", 3))
    assert len(session.scalars(kinds).all()) == 3, "a finer one than the plan rests on"


def test_a_plan_follows_forecasts_that_come_to_nothing(session: Session) -> None:
    """Where the last grain fails, or its training changes nothing, those before it are planned by all the same."""
    assert restocking.calls(JobFailed(1, "train", "killed"))
    assert restocking.calls(JobCancelled(1, "forecast", "x"))
    assert restocking.calls(ModelTrained("daily", 1, champion=False))
    assert not restocking.calls(ModelTrained("daily", 1, champion=True)), "its forecast follows"
    assert not restocking.calls(JobFailed(1, "deliver", "gone"))


def test_totals_without_sales_call_for_nothing(session: Session) -> None:
    assert follow_ups(session, AggregatesRefreshed(None, None)) == []


def test_a_new_champion_forecasts(session: Session) -> None:
    forecast = ("forecast", {"grain": "monthly", "horizon": 12})
    assert follow_ups(session, ModelTrained("monthly", 1, champion=True)) == [forecast]


def test_a_challenger_that_lost_changes_nothing(session: Session) -> None:
    assert follow_ups(session, ModelTrained("monthly", 1, champion=False)) == []


def test_what_a_person_put_in_charge_forecasts_at_once(session: Session) -> None:
    event = ModelPromoted("monthly", 1, "planner@example.com")
    assert follow_ups(session, event) == [("forecast", {"grain": "monthly", "horizon": 12})]


def test_a_champion_that_cannot_be_loaded_is_trained_anew_once(session: Session) -> None:
    for _ in range(2):
        row = record(session, ModelRefused("monthly", 5, "saved with numpy 1.26.4 (now 2.4.6)"))
        session.flush()
        handle(session, row.id, ModelRefused("monthly", 5, ""))
    handle(session, row.id, ModelRefused("monthly", 6, ""))
    jobs = session.scalars(sa.select(JobRun)).all()
    assert [(job.kind, job.arguments) for job in jobs] == [("train", {"grain": "monthly"})] * 2


def test_a_published_forecast_is_checked_for_drift(session: Session) -> None:
    assert follow_ups(session, ForecastPublished(8, "monthly", 40)) == [("drift", {"grain": "monthly"})]


def test_an_event_handled_twice_makes_one_job(session: Session) -> None:
    row = record(session, TRAINED)
    session.flush()
    handle(session, row.id, TRAINED)
    handle(session, row.id, TRAINED)
    session.commit()
    assert session.scalar(sa.select(sa.func.count()).select_from(JobRun)) == 1


def test_equal_events_each_make_their_job(session: Session) -> None:
    follow_ups(session, TRAINED)
    session.execute(sa.update(JobRun).values(caused_by=None))
    row = record(session, TRAINED)
    session.flush()
    handle(session, row.id, TRAINED)
    assert session.scalar(sa.select(sa.func.count()).select_from(JobRun)) == 2


def steady_sales(session: Session, count: int = 100) -> None:
    """Sales of one series on `count` days from January 2024 on."""
    add_sales(session, *(date(2024, 1, 1) + timedelta(days=day) for day in range(count)))


def asked(session: Session) -> list[tuple[str, str]]:
    """The grains that jobs were asked for, in their order."""
    jobs = session.scalars(sa.select(JobRun).order_by(JobRun.id)).all()
    return [(job.kind, job.arguments["grain"]) for job in jobs if job.kind in ("train", "forecast")]


def happens(session: Session, *events: Event, chain: Chain = ALL_GRAINS) -> None:
    for event in events:
        row = record(session, event)
        session.flush()
        handle(session, row.id, event, chain)
    session.commit()


def test_weeks_follow_months_and_days_follow_weeks(session: Session) -> None:
    steady_sales(session)
    happens(session, AggregatesRefreshed(None, None))
    assert asked(session) == [("train", "monthly")]
    happens(session, ForecastPublished(1, "monthly", 3))
    assert asked(session)[1:] == [("train", "weekly")]
    happens(session, ForecastPublished(2, "weekly", 3), ForecastPublished(3, "daily", 3))
    assert asked(session)[2:] == [("train", "daily")]


def test_months_that_fail_do_not_keep_weeks_waiting(session: Session) -> None:
    steady_sales(session)
    happens(session, AggregatesRefreshed(None, None))
    job = session.scalars(sa.select(JobRun)).one()
    happens(session, JobFailed(job.id, "train", "out of memory"))
    assert asked(session) == [("train", "monthly"), ("train", "weekly")]


def test_grains_with_too_little_history_are_not_asked_for_behind_the_first(session: Session) -> None:
    steady_sales(session, 60)
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(1, "monthly", 3))
    assert asked(session) == [("train", "monthly")]


def test_several_imports_make_one_job_of_a_later_grain(session: Session) -> None:
    steady_sales(session)
    happens(session, *[AggregatesRefreshed(None, None)] * 3, *[ForecastPublished(1, "monthly", 3)] * 3)
    assert [grain for _, grain in asked(session)] == ["monthly", "weekly"]


BURST = Chain(quiet_seconds=3)


def imports(session: Session, chain: Chain, *seconds: float, monkeypatch: pytest.MonkeyPatch) -> JobRun:
    """Totals that move so many seconds after noon; the one job that they make."""
    for at in seconds:
        monkeypatch.setattr("worker.chain.utc_now", lambda at=at: NOON + timedelta(seconds=at))
        happens(session, AggregatesRefreshed(None, None), chain=chain)
        session.execute(sa.update(JobRun).where(JobRun.id == 1).values(created_at=NOON))
    return session.scalars(sa.select(JobRun).where(JobRun.kind == "train")).one()


def test_a_hundred_imports_in_a_minute_make_one_job_once_they_rest(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady_sales(session)
    job = imports(session, BURST, *(0.6 * number for number in range(100)), monkeypatch=monkeypatch)
    assert job.run_after == NOON + timedelta(seconds=0.6 * 99 + 3)


def test_imports_that_never_rest_do_not_keep_the_forecast_from_being_made(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady_sales(session)
    job = imports(session, BURST, 0, 60, 119, 300, monkeypatch=monkeypatch)
    assert job.run_after == NOON + timedelta(minutes=2)


def test_while_more_imports_wait_the_forecast_waits_longer(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    steady_sales(session)
    other, invoices = an_import("sales"), an_import("invoices")
    session.add_all([other, invoices])
    job = imports(session, BURST, 0, monkeypatch=monkeypatch)
    assert job.run_after == NOON + timedelta(seconds=30)
    other.state = "loaded"
    job = imports(session, BURST, 5, monkeypatch=monkeypatch)
    session.refresh(job)
    assert job.run_after == NOON + timedelta(seconds=8)


def test_totals_that_move_while_a_forecast_runs_are_forecast_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady_sales(session)
    imports(session, BURST, 0, monkeypatch=monkeypatch).state = "running"
    happens(session, *[AggregatesRefreshed(None, None)] * 3, chain=BURST)
    assert asked(session) == [("train", "monthly")] * 2


def test_a_job_that_a_person_asked_for_is_not_held_back(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    steady_sales(session)
    asked_for = request_job(session, "train", {"grain": "monthly"}, requested_by="ann", run_after=NOON)
    assert imports(session, BURST, 0, monkeypatch=monkeypatch).id == asked_for.id
    session.refresh(asked_for)
    assert asked_for.run_after == NOON


def test_a_later_grain_that_waits_already_sees_the_new_sales_too(session: Session) -> None:
    steady_sales(session)
    for _ in range(2):
        happens(session, AggregatesRefreshed(None, None), ForecastPublished(1, "monthly", 3))
    assert [grain for _, grain in asked(session)].count("weekly") == 1
    session.execute(sa.update(JobRun).values(state="succeeded"))
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(2, "monthly", 3))
    assert [grain for _, grain in asked(session)].count("weekly") == 2


def test_sales_that_come_while_a_grain_is_first_trained_do_not_train_it_twice(session: Session) -> None:
    steady_sales(session)
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(1, "monthly", 3))
    session.execute(sa.update(JobRun).values(state="running"))
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(2, "monthly", 3))
    assert [grain for _, grain in asked(session)].count("weekly") == 1
    happens(session, ForecastPublished(3, "weekly", 3))
    assert asked(session)[-1] == ("train", "daily")


def test_a_model_trained_by_hand_does_not_set_off_the_other_grains(session: Session) -> None:
    steady_sales(session)
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(1, "monthly", 3))
    session.execute(sa.update(JobRun).values(state="succeeded"))
    before = asked(session)
    happens(session, ForecastPublished(2, "monthly", 3), ModelTrained("monthly", 7, champion=False))
    assert asked(session) == before


def test_only_the_grains_of_the_setting_are_forecast(session: Session) -> None:
    steady_sales(session)
    chain = Chain(("weekly", "daily"))
    happens(session, AggregatesRefreshed(None, None), ForecastPublished(1, "weekly", 3), chain=chain)
    assert asked(session) == [("train", "weekly"), ("train", "daily")]
    happens(session, ForecastPublished(2, "monthly", 3), chain=chain)
    assert len(asked(session)) == 2
