"""What follows from what: for each event, the jobs that it calls for. Handlers do nothing but ask for jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.base import utc_now
from ml.db.catalog import Customer
from ml.db.results import ForecastRun
from ml.db.sales import SalesDaily
from ml.grains import GRAINS, MONTHLY
from ml.registry import find_champion
from worker import lifecycle, restocking
from worker.chain import Chain
from worker.events import (
    Event,
    ForecastPublished,
    JobCancelled,
    JobFailed,
    ModelDrifted,
    ModelPromoted,
    ModelRefused,
    ModelTrained,
    RecordsImported,
)
from worker.models import JobRun
from worker.queues import request_job
from worker.webhooks import outgoing

CLEANED_BY = ("events", "stock")
"""Data sets other than sales that cleaning looks at."""

COLLECTED_BY = ("invoices", "payments", "customers", "cash_items")
"""Data sets that predictions of payments and cash are made of."""

COLLECT_AFTER = timedelta(seconds=15)
"""So that several files that come together make one run."""

ALL_GRAINS = Chain()

Handler = Callable[[Session, int, Any], None]
"""Called with the session of the event's own transaction, the event's id, and the event."""


def clean_by_records(session: Session, event_id: int, event: RecordsImported) -> None:
    """Stock levels and events tell which sales are not to be taken at face value; those that come later are cleaned
    with them in any case."""
    sold = sa.select(SalesDaily.id).order_by(SalesDaily.id).limit(1)
    if event.dataset in CLEANED_BY and session.scalar(sold) is not None:
        _request(session, event_id, "clean", {})


def collect_by_records(session: Session, event_id: int, event: RecordsImported) -> None:
    """New invoices and payments: what is open, when it comes, and what became of what was said before. People look at
    the first forecast before that, and once it is published it asks for the same."""
    if event.dataset in COLLECTED_BY and not first_forecast_is_coming(session):
        _request_collect(session, event_id)


def collect_by_forecast(session: Session, event_id: int, event: ForecastPublished) -> None:
    """Sales to come are part of the cash, and the sales behind them tell when customers order next."""
    if event.grain == MONTHLY.name:
        _request_collect(session, event_id)


def collect_without_forecast(session: Session, event_id: int, event: JobFailed | JobCancelled) -> None:
    """The first forecast, for which records waited, does not come; where none waited a run more does no harm."""
    if event.kind in restocking.FORECASTS and not is_forecast(session) and not first_forecast_is_coming(session):
        _request_collect(session, event_id)


def forecast_with_champion(session: Session, event_id: int, event: ModelTrained) -> None:
    """A new champion forecasts at once; a challenger that lost changes nothing."""
    if event.champion:
        _request_forecast(session, event_id, event.grain)


def forecast_with_promoted(session: Session, event_id: int, event: ModelPromoted) -> None:
    """What a person put in charge forecasts at once."""
    _request_forecast(session, event_id, event.grain)


def check_published(session: Session, event_id: int, event: ForecastPublished) -> None:
    """Actuals came in beside earlier forecasts: whether the model still keeps its promise is known anew."""
    _request(session, event_id, "drift", {"grain": event.grain})


def train_anew(session: Session, event_id: int, event: ModelRefused) -> None:
    """After an upgrade of libraries, say. Once for each version, however many forecasts fail on it."""
    key = f"refused:{event.model_id}:train:{event.grain}"
    request_job(session, "train", {"grain": event.grain}, dedupe_key=key, caused_by=event_id)


def train_drifted(session: Session, event_id: int, event: ModelDrifted) -> None:
    """Once for each version and last period of the sales, so that one that wins nothing is not followed by another;
    not where the version does not serve any more. The fresh version has to be as good as the one that drifted."""
    serving = find_champion(session, event.grain)
    if serving is not None and serving.id == event.model_id:
        key = f"drifted:{event.model_id}:{event.as_of.isoformat()}:train:{event.grain}"
        request_job(session, "train", {"grain": event.grain}, dedupe_key=key, caused_by=event_id)


def clean_up_cancelled(session: Session, _event_id: int, event: JobCancelled) -> None:
    """What a cancelled job leaves behind shows that; done here, since the web process has none of the jobs' modules."""
    job = session.get_one(JobRun, event.job_id)
    lifecycle.clean_up(session, job, job.error or "cancelled")


HANDLERS: dict[type[Event], tuple[Handler, ...]] = {
    RecordsImported: (clean_by_records, collect_by_records),
    ModelTrained: (forecast_with_champion,),
    ModelPromoted: (forecast_with_promoted,),
    ModelRefused: (train_anew,),
    ModelDrifted: (train_drifted,),
    ForecastPublished: (check_published, collect_by_forecast),
    JobFailed: (collect_without_forecast,),
    JobCancelled: (clean_up_cancelled, collect_without_forecast),
}


def handle(session: Session, event_id: int, event: Event, chain: Chain = ALL_GRAINS) -> None:
    """Run all handlers of an event in one transaction; `chain` knows which grains are forecast."""
    restocking.plan_early(session, event_id, event)
    chain.handle(session, event_id, event)
    outgoing.plan(session, event_id, event)
    restocking.follow(session, event_id, event)
    for handler in HANDLERS.get(type(event), ()):
        handler(session, event_id, event)


def first_forecast_is_coming(session: Session) -> bool:
    """Whether nothing is forecast yet, and something is about to be."""
    return not is_forecast(session) and restocking.is_coming(session, *restocking.FORECASTS)


def is_forecast(session: Session) -> bool:
    """Whether a forecast was ever published."""
    published = sa.select(ForecastRun.id).where(ForecastRun.published_at.is_not(None)).order_by(ForecastRun.id).limit(1)
    return session.scalar(published) is not None


def _request_forecast(session: Session, event_id: int, grain: str) -> None:
    _request(session, event_id, "forecast", {"grain": grain, "horizon": GRAINS[grain].horizon})


def _request_collect(session: Session, event_id: int) -> None:
    """Unless no customer is known, or a run waits already: it will see what is there by then."""
    if session.scalar(sa.select(Customer.id).order_by(Customer.id).limit(1)) is None:
        return
    waiting = sa.select(JobRun.id).where(JobRun.state == "queued", JobRun.kind == "collect").limit(1)
    if session.scalar(waiting) is None:
        after = utc_now() + COLLECT_AFTER
        request_job(session, "collect", {}, dedupe_key=f"event:{event_id}:collect", caused_by=event_id, run_after=after)


def _request(session: Session, event_id: int, kind: str, arguments: dict[str, Any]) -> None:
    """Ask for a job once, however often the event is handled."""
    key = ":".join(["event", str(event_id), kind, *([arguments["grain"]] if "grain" in arguments else [])])
    request_job(session, kind, arguments, dedupe_key=key, caused_by=event_id)
