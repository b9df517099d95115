"""Answers to anomalies: what a person says of one is written where cleaning reads it, and can be taken back.

`accepted` it is no measure of what is usual: learned from is the usual value; `dismissed` it is: learned from is what
was sold; `promotion` the same, and an event explains it; `stockout` demand was what is usual; `error` the data is
wrong, and the period is left out. An anomaly of a sum answers those of the series in it that stand out likewise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db import audit
from ml.db.base import utc_now
from ml.db.bulk import in_lists, lock_for_writing
from ml.db.catalog import Product, Series
from ml.db.cleaning import CleaningFlag
from ml.db.drivers import Event
from ml.db.insights import ANOMALY_VERDICTS, Anomaly
from ml.errors import DataError
from ml.etl.record_store import forget_versions
from ml.grains import GRAINS
from ml.hierarchy import LOCATION_NAMES, PRODUCT_NAMES
from webapp.queries.anomalies import no_anomaly
from webapp.queries.stored import published_run
from webapp.services.events import columns_of

FLAGS = {
    "accepted": ("outlier", "accepted"),
    "dismissed": ("outlier", "dismissed"),
    "promotion": ("outlier", "dismissed"),
    "stockout": ("stockout", "accepted"),
    "error": ("error", "accepted"),
}
"""The flag that an answer sets: its kind and verdict."""

PROMOTION = "seen in sales"
"""What a promotion is called that an answer makes."""

Found = tuple[Anomaly, Series, str | None]
"""An anomaly, its series, and the code of its product."""


@dataclass(frozen=True)
class Answered:
    """The anomalies that took an answer, and why others did not."""

    ids: list[int]
    refused: dict[int, str]


def answer_anomaly(session: Session, anomaly_id: int, verdict: str, user: str) -> None:
    """Answer one anomaly, or (open) take its answer back; commits. Raises NotFoundError and DataError."""
    done = answer_anomalies(session, [anomaly_id], verdict, user)
    if anomaly_id in done.refused:
        raise DataError(done.refused[anomaly_id])
    if anomaly_id not in done.ids:
        raise no_anomaly(anomaly_id)


def answer_anomalies(session: Session, ids: Collection[int], verdict: str, user: str) -> Answered:
    """Give some anomalies one answer, or (open) take theirs back; commits. Those that have gone are passed over.

    The next training and forecast learn from it. Raises DataError for a verdict that there is none of.
    """
    if verdict not in ANOMALY_VERDICTS:
        raise DataError(f"verdict is {verdict!r}; expected one of {', '.join(ANOMALY_VERDICTS)}.")
    lock_for_writing(session, CleaningFlag)
    lock_for_writing(session, Anomaly)
    found = read_anomalies(session, ids)
    refused = {one.id: why for one, series, _ in found if (why := refusal(one, series, verdict))}
    taken = [one for one in found if one[0].id not in refused]
    for one in taken:
        before = one[0].verdict
        take_back(session, one[0])
        after = {"verdict": verdict, **give(session, one, verdict, user)}
        audit.record(session, "answer", "anomaly", one[0].id, before={"verdict": before}, after=after)
    session.commit()
    return Answered([one.id for one, _, _ in taken], refused)


def read_anomalies(session: Session, ids: Collection[int]) -> list[Found]:
    """Those of the ids that there are, the ones that most money is about first."""
    columns: list[Any] = [Anomaly, Series, Product.code]
    query = sa.select(*columns).join(Series, Series.id == Anomaly.series_id)
    query = query.outerjoin(Product, Product.id == Series.product_id)
    rows: list[Any] = []
    for some in in_lists(sorted(set(ids))):
        rows += session.execute(query.where(Anomaly.id.in_(some)))
    return sorted((tuple(row) for row in rows), key=lambda row: -abs(row[0].value - row[0].usual))


def refusal(one: Anomaly, series: Series, verdict: str) -> str:
    """Why an anomaly cannot be answered so; '' where it can."""
    if verdict == "stockout" and one.kind == "spike":
        return "More was sold than usual; a stockout lets less be sold."
    if verdict == "promotion" and series.product_level == "subcategory":
        return "No event can be of a sub-category; mark its products instead."
    if verdict == "promotion" and not all(getattr(series, name) not in ("", None) for name in names_of(series)):
        return "These are sales without a name; no event can be of them alone."
    return ""


def names_of(series: Series) -> tuple[str, ...]:
    """The columns that name a series."""
    return (*LOCATION_NAMES[series.location_level], *PRODUCT_NAMES[series.product_level])


def give(session: Session, found: Found, verdict: str, user: str) -> dict[str, Any]:
    """Write an answer, and what it means for cleaning; tells what that is, for the log."""
    one, series, code = found
    if verdict == "open":
        return {}
    made: dict[str, Any] = {"flags": []}
    if verdict == "promotion":
        made["event"] = add_promotion(session, one, series, code)
    parts = parts_of(session, one, series)
    if parts is None:
        made["flags"] = write_flags(session, [one], verdict, user)
    else:
        for part in parts:
            decide(part, verdict, user, {"flags": write_flags(session, [part], verdict, user), "with": one.id})
        made["parts"] = [part.id for part in parts]
    decide(one, verdict, user, made)
    return {name: value for name, value in made.items() if name in ("event", "parts") and value}


def decide(one: Anomaly, verdict: str, user: str, made: Mapping[str, Any] | None) -> None:
    """Note the answer in the row itself."""
    one.verdict, one.decided_by, one.decided_at = verdict, user, utc_now()
    one.made = None if made is None else dict(made)


def reopen(one: Anomaly) -> None:
    """As if nobody had answered it."""
    one.verdict, one.decided_by, one.decided_at, one.made = "open", "", None, None


def parts_of(session: Session, one: Anomaly, series: Series) -> Sequence[Anomaly] | None:
    """The open anomalies of the series in a sum that stand out in the same period and direction; None for a series that
    is forecast itself, and where nothing is published."""
    run = published_run(session, one.grain)
    if run is None or (series.location_level, series.product_level) == (run.location_level, run.product_level):
        return None
    columns = {"category": sa.func.coalesce(Product.category, Series.category),
               "subcategory": sa.func.coalesce(Product.subcategory, Series.subcategory)}  # fmt: skip
    within = [columns.get(name, getattr(Series, name)) == getattr(series, name) for name in names_of(series)]
    query = (
        sa.select(Anomaly)
        .join(Series, Series.id == Anomaly.series_id)
        .outerjoin(Product, Product.id == Series.product_id)
        .where(
            Anomaly.grain == one.grain, Anomaly.period == one.period, Anomaly.kind == one.kind,
            Anomaly.verdict == "open", Series.location_level == run.location_level,
            Series.product_level == run.product_level, *within,
        )
    )  # fmt: skip
    return session.scalars(query.order_by(Anomaly.id)).all()


def write_flags(session: Session, anomalies: Iterable[Anomaly], verdict: str, user: str) -> list[dict[str, Any]]:
    """Decide the flags of the series, making those that cleaning has not found; tells what was there before."""
    kind, decision = FLAGS[verdict]
    written: list[dict[str, Any]] = []
    for one in anomalies:
        mine = (CleaningFlag.series_id == one.series_id, CleaningFlag.grain == one.grain)
        flag = session.scalar(sa.select(CleaningFlag).where(*mine, CleaningFlag.period == one.period,
                                                            CleaningFlag.kind == kind))  # fmt: skip
        if flag is None:
            flag = new_flag(one, kind)
            session.add(flag)
            session.flush()
            written.append({"id": flag.id})
        else:
            written.append({"id": flag.id, "verdict": flag.verdict, "by": flag.decided_by})
        flag.verdict, flag.decided_by = decision, user
    return written


def new_flag(one: Anomaly, kind: str) -> CleaningFlag:
    """A flag that a person finds: an error is left out, else what is usual is learned from."""
    return CleaningFlag(
        series_id=one.series_id, grain=one.grain, period=one.period, kind=kind, value=one.value,
        corrected=None if kind == "error" else one.usual, score=one.score if kind == "outlier" else 0.0,
        reason=one.reason,
    )  # fmt: skip


def add_promotion(session: Session, one: Anomaly, series: Series, code: str | None) -> int | None:
    """An event over the period, of the place and product of the series; None where there is the same one already."""
    grain = GRAINS[one.grain]
    record = {
        "kind": "promotion", "name": PROMOTION, "starts_on": one.period, "ends_on": grain.last_day(one.period),
        "region": series.region, "territory": series.territory, "area": series.area,
        "category": "" if code else series.category, "product_code": code or "",
    }  # fmt: skip
    whole, columns = columns_of(session, record)
    if session.scalar(sa.select(Event.id).where(Event.key == columns["key"])) is not None:
        return None
    event = Event(**columns)
    session.add(event)
    session.flush()
    audit.record(session, "create", "event", event.id, after=whole)
    return event.id


def take_back(session: Session, one: Anomaly) -> None:
    """Undo what an answer wrote, as far as it is still there; no-op for an open one."""
    made = one.made or {}
    for part_id in made.get("parts", ()):
        part = session.scalar(sa.select(Anomaly).where(Anomaly.id == part_id))
        if part is not None and (part.made or {}).get("with") == one.id:
            take_back(session, part)
    for written in made.get("flags", ()):
        flag = session.scalar(sa.select(CleaningFlag).where(CleaningFlag.id == written["id"]))
        if flag is not None and "verdict" in written:
            flag.verdict, flag.decided_by = written["verdict"], written["by"]
        elif flag is not None:
            session.delete(flag)
    if made.get("event") is not None:
        remove_event(session, made["event"])
    session.flush()
    reopen(one)


def remove_event(session: Session, event_id: int) -> None:
    """Take back the promotion that an answer made, unless somebody has removed it."""
    event = session.scalar(sa.select(Event).where(Event.id == event_id))
    if event is not None:
        forget_versions(session, "events", event.key)
        audit.record(session, "delete", "event", event.id, before={"kind": event.kind, "name": event.name})
        session.delete(event)
