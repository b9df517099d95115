"""Events: what happened, in the past tense, recorded in the transaction in which it happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, ClassVar, get_type_hints

from sqlalchemy.orm import Session

from worker.errors import UnknownEventError
from worker.models import OutboxEvent


@dataclass(frozen=True)
class Event:
    """Base of all events. A field is only ever added with a default; anything else is a new `VERSION`."""

    VERSION: ClassVar[int] = 1


@dataclass(frozen=True)
class SalesImported(Event):
    """Sales rows between two days (inclusive) were added or changed."""

    import_id: int
    first_date: date
    last_date: date
    rows: int


@dataclass(frozen=True)
class RecordsImported(Event):
    """Records of a data set other than sales were added, changed, or taken back."""

    import_id: int
    dataset: str
    rows: int


@dataclass(frozen=True)
class SalesTakenBack(Event):
    """Sales rows between two days (inclusive) went, or came back, since an import was taken back."""

    import_id: int
    first_date: date
    last_date: date
    rows: int


@dataclass(frozen=True)
class AggregatesRefreshed(Event):
    """The sales totals between two days (None: from the first, to the last) match the rows again.

    An import, and one that is taken back, moves them with its rows and records this beside its own event."""

    since: date | None
    until: date | None


@dataclass(frozen=True)
class SalesCleaned(Event):
    """Outliers and stockouts were looked for anew: the policy, the stock levels or the events have changed."""


@dataclass(frozen=True)
class ModelTrained(Event):
    """A model version was registered; `champion` says whether it now serves its grain."""

    grain: str
    model_id: int
    champion: bool


@dataclass(frozen=True)
class ModelPromoted(Event):
    """A person put a version in charge of its grain, or went back to one."""

    grain: str
    model_id: int
    user: str


@dataclass(frozen=True)
class ModelRefused(Event):
    """The version that serves a grain cannot be loaded: its file is gone or damaged, or of other libraries."""

    grain: str
    model_id: int
    error: str


@dataclass(frozen=True)
class ModelDrifted(Event):
    """The forecasts of the version that serves a grain are further off than it promised, in sales up to `as_of`."""

    grain: str
    model_id: int
    as_of: date


@dataclass(frozen=True)
class ForecastPublished(Event):
    """A run replaced the forecast that readers of a grain see."""

    run_id: int
    grain: str
    series: int


@dataclass(frozen=True)
class ForecastExtended(Event):
    """The run that readers of a grain see reaches `horizon` periods ahead by now."""

    run_id: int
    grain: str
    horizon: int


@dataclass(frozen=True)
class StockPlanned(Event):
    """A plan of the stock replaced the one that readers see; `orders` items are to be ordered."""

    run_id: int
    items: int
    urgent: int
    warning: int
    orders: int


@dataclass(frozen=True)
class StockRanLow(Event):
    """Items (`count`, the first of them with area, product_code and cover_days) became urgent with a plan."""

    run_id: int
    count: int
    items: list[dict[str, Any]]


@dataclass(frozen=True)
class OrdersAccepted(Event):
    """A person made purchase orders of advice: their numbers, and how many lines they have."""

    order_refs: list[str]
    lines: int
    user: str


@dataclass(frozen=True)
class ForecastOverridden(Event):
    """A person changed the forecast of a part, or took such a change back; the published run shows it at once."""

    override_id: int
    grain: str
    state: str


@dataclass(frozen=True)
class ReceivablesPredicted(Event):
    """Payments of open invoices, cash and customers' next orders were predicted anew."""

    run_id: int
    invoices: int
    customers: int


@dataclass(frozen=True)
class JobFailed(Event):
    """A job ended without success and will not be tried again."""

    job_id: int
    kind: str
    error: str


@dataclass(frozen=True)
class JobCancelled(Event):
    """A person stopped a job before it ended."""

    job_id: int
    kind: str
    user: str


@dataclass(frozen=True)
class ProductChanged(Event):
    """A person or program changed what is known of a product: its name, its price, ..."""

    product_id: int


@dataclass(frozen=True)
class ProductMoved(Event):
    """A product got another category; figures by category are others now."""

    product_id: int


@dataclass(frozen=True)
class AlertRaised(Event):
    """A rule found something that somebody should know of; recorded again each time that it is told of again."""

    alert_id: int
    rule: str
    severity: str
    subject: str
    message: str


@dataclass(frozen=True)
class AlertResolved(Event):
    """What an alert told of is over."""

    alert_id: int
    rule: str
    subject: str
    message: str


EVENTS: dict[str, type[Event]] = {
    event.__name__: event
    for event in (
        SalesImported,
        SalesTakenBack,
        RecordsImported,
        AggregatesRefreshed,
        SalesCleaned,
        ModelTrained,
        ModelPromoted,
        ModelRefused,
        ModelDrifted,
        ForecastPublished,
        ForecastExtended,
        StockPlanned,
        StockRanLow,
        OrdersAccepted,
        ForecastOverridden,
        ReceivablesPredicted,
        JobFailed,
        JobCancelled,
        ProductChanged,
        ProductMoved,
        AlertRaised,
        AlertResolved,
    )
}


def record(session: Session, event: Event, job_id: int | None = None) -> OutboxEvent:
    """Add an event to the transaction of `session`; once that commits, the relay hands it to its handlers. `job_id` is
    the job in which it happened."""
    payload = {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(event).items()}
    row = OutboxEvent(name=type(event).__name__, version=event.VERSION, payload=payload, job_id=job_id)
    session.add(row)
    return row


def restore(row: OutboxEvent) -> Event:
    """The event that a row records; raises UnknownEventError where this version has no such event."""
    cls = EVENTS.get(row.name)
    if cls is None or row.version != cls.VERSION:
        raise UnknownEventError(
            f"event {row.id} is {row.name!r} of version {row.version}, which this version of Forecastle does not know; "
            "it waits for a relay that does; upgrade this one."
        )
    hints = get_type_hints(cls)
    known = {field.name for field in fields(cls)}
    return cls(**{name: _decode(hints[name], value) for name, value in row.payload.items() if name in known})


def _decode(hint: Any, value: Any) -> Any:
    return date.fromisoformat(value) if hint in (date, date | None) and value is not None else value
