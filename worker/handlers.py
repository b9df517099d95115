"""What follows from what: for each event, the jobs that it calls for. Handlers do nothing but ask for jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from ml.grains import GRAINS
from ml.registry import find_champion
from worker import lifecycle
from worker.chain import Chain
from worker.events import (
    Event,
    ForecastPublished,
    JobCancelled,
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

ALL_GRAINS = Chain()

Handler = Callable[[Session, int, Any], None]
"""Called with the session of the event's own transaction, the event's id, and the event."""


def clean_by_records(session: Session, event_id: int, event: RecordsImported) -> None:
    """Stock levels and events tell which sales are not to be taken at face value."""
    if event.dataset in CLEANED_BY:
        _request(session, event_id, "clean", {})


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
    RecordsImported: (clean_by_records,),
    ModelTrained: (forecast_with_champion,),
    ModelPromoted: (forecast_with_promoted,),
    ModelRefused: (train_anew,),
    ModelDrifted: (train_drifted,),
    ForecastPublished: (check_published,),
    JobCancelled: (clean_up_cancelled,),
}


def handle(session: Session, event_id: int, event: Event, chain: Chain = ALL_GRAINS) -> None:
    """Run all handlers of an event in one transaction; `chain` knows which grains are forecast."""
    chain.handle(session, event_id, event)
    outgoing.plan(session, event_id, event)
    for handler in HANDLERS.get(type(event), ()):
        handler(session, event_id, event)


def _request_forecast(session: Session, event_id: int, grain: str) -> None:
    _request(session, event_id, "forecast", {"grain": grain, "horizon": GRAINS[grain].horizon})


def _request(session: Session, event_id: int, kind: str, arguments: dict[str, Any]) -> None:
    """Ask for a job once, however often the event is handled."""
    key = ":".join(["event", str(event_id), kind, *([arguments["grain"]] if "grain" in arguments else [])])
    request_job(session, kind, arguments, dedupe_key=key, caused_by=event_id)
