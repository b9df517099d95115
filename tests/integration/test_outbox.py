"""Events on their way from the outbox to their handlers."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.db.base import utc_now
from worker import handlers, outbox
from worker.events import Event, ForecastPublished, ModelTrained, ProductChanged, record
from worker.models import JobRun, OutboxEvent

Sessions = sessionmaker[Session]
TRAINED = ModelTrained("monthly", 1, champion=True)


def add(sessions: Sessions, *events: Event) -> list[int]:
    with sessions() as session:
        rows = [record(session, event) for event in events]
        session.commit()
        return [row.id for row in rows]


def read(sessions: Sessions, event_id: int) -> OutboxEvent:
    with sessions() as session:
        return session.get_one(OutboxEvent, event_id)


def make_due(sessions: Sessions) -> None:
    """As if all pauses were over."""
    with sessions() as session:
        session.execute(sa.update(OutboxEvent).values(available_at=utc_now() - timedelta(seconds=1)))
        session.commit()


def count_jobs(sessions: Sessions) -> int | None:
    with sessions() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(JobRun))


def test_an_event_is_handled_once_and_marked(sessions: Sessions) -> None:
    [event_id] = add(sessions, TRAINED)
    assert outbox.process(sessions) == 1
    assert outbox.process(sessions) == 0
    event = read(sessions, event_id)
    assert event.handled_at is not None
    assert (event.tries, event.error) == (1, None)
    assert count_jobs(sessions) == 1


def test_an_event_that_nobody_handles_is_done(sessions: Sessions) -> None:
    [event_id] = add(sessions, ProductChanged(1))
    outbox.process(sessions)
    assert read(sessions, event_id).handled_at is not None


def test_an_event_of_a_transaction_that_was_rolled_back_never_happened(sessions: Sessions) -> None:
    with sessions() as session:
        record(session, TRAINED)
        session.flush()
        session.rollback()
    assert outbox.process(sessions) == 0


def test_of_two_relays_one_gets_the_event(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either claims."""
    [event_id] = add(sessions, TRAINED)
    look, claims = outbox.reading, []

    def look_then_lose(factory: Sessions):  # type: ignore[no-untyped-def]
        if not claims:
            claims.append(None)
            claims[0] = outbox.claim(factory, "other")
        return look(factory)

    before = outbox.utc_now()
    monkeypatch.setattr(outbox, "reading", look_then_lose)
    monkeypatch.setattr(outbox, "utc_now", lambda: before)
    mine = outbox.claim(sessions, "mine")
    assert [[event.id for event in claim] for claim in (claims[0], mine)] == [[event_id], []]


def test_relays_at_work_at_the_same_time_handle_each_event_once(sessions: Sessions) -> None:
    add(sessions, *[TRAINED] * 60)
    claimed: list[int] = []

    def work() -> None:
        while count := outbox.process(sessions):
            claimed.append(count)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claimed) == 60
    assert count_jobs(sessions) == 60


def test_the_claim_of_a_relay_that_died_lapses(sessions: Sessions) -> None:
    add(sessions, TRAINED)
    assert len(outbox.claim(sessions, "dead")) == 1
    assert outbox.process(sessions) == 0
    make_due(sessions)
    assert outbox.process(sessions) == 1


def test_a_relay_whose_claim_lapsed_leaves_the_event_to_the_next(sessions: Sessions) -> None:
    add(sessions, TRAINED)
    [late] = outbox.claim(sessions, "late")
    make_due(sessions)
    outbox.process(sessions)
    assert not outbox._handle_together(sessions, [late], "late", handlers.ALL_GRAINS)
    outbox._handle(sessions, late, "late", handlers.ALL_GRAINS)
    assert count_jobs(sessions) == 1


@pytest.fixture
def broken_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that first asks for a job and then fails."""

    def fail(session: Session, event_id: int, event: ForecastPublished) -> None:
        handlers._request(session, event_id, "refresh", {})
        raise RuntimeError("the mail server is on fire")

    monkeypatch.setitem(handlers.HANDLERS, ForecastPublished, (fail,))


@pytest.mark.usefixtures("broken_handler")
def test_a_failing_handler_blocks_no_other_event_and_leaves_nothing_half_done(sessions: Sessions) -> None:
    before, bad, after = add(sessions, TRAINED, ForecastPublished(1, "monthly", 2), TRAINED)
    outbox.process(sessions)
    assert read(sessions, bad).handled_at is None
    assert read(sessions, bad).error == "RuntimeError: the mail server is on fire"
    assert all(read(sessions, good).handled_at is not None for good in (before, after))
    assert count_jobs(sessions) == 2


@pytest.mark.usefixtures("broken_handler")
def test_a_failing_event_waits_longer_after_each_try(sessions: Sessions) -> None:
    [bad] = add(sessions, ForecastPublished(1, "monthly", 2))
    pauses = []
    for _ in range(3):
        outbox.process(sessions)
        pauses.append(read(sessions, bad).available_at - utc_now())
        assert outbox.process(sessions) == 0
        make_due(sessions)
    assert [round(pause.total_seconds()) for pause in pauses] == [2, 4, 8]


@pytest.mark.usefixtures("broken_handler")
def test_an_event_that_keeps_failing_becomes_a_dead_letter_with_its_error(sessions: Sessions) -> None:
    [bad] = add(sessions, ForecastPublished(1, "monthly", 2))
    for _ in range(outbox.MAX_TRIES):
        assert outbox.process(sessions) == 1
        make_due(sessions)
    assert outbox.process(sessions) == 0
    event = read(sessions, bad)
    assert (event.handled_at, event.tries, event.error) == (
        None,
        outbox.MAX_TRIES,
        "RuntimeError: the mail server is on fire",
    )


def test_a_dead_letter_can_be_replayed(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    [event_id] = add(sessions, TRAINED)
    with sessions() as session:
        session.execute(sa.update(OutboxEvent).values(tries=outbox.MAX_TRIES, error="RuntimeError: fire"))
        session.commit()
        assert outbox.replay(session, event_id)
        session.commit()
        assert not outbox.replay(session, event_id)
    assert outbox.process(sessions) == 1
    assert (read(sessions, event_id).error, count_jobs(sessions)) == (None, 1)


def test_an_event_that_this_version_does_not_know_waits_for_one_that_does(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "UPGRADE", timedelta(0))
    with sessions() as session:
        row = OutboxEvent(name="SalesEaten", payload={})
        session.add(row)
        session.commit()
    for _ in range(2 * outbox.MAX_TRIES):
        assert outbox.process(sessions) == 1
    event = read(sessions, row.id)
    assert (event.handled_at, event.tries) == (None, 0)
    assert "'SalesEaten' of version 1, which this version of Forecastle does not know" in (event.error or "")
