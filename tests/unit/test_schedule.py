"""The declared schedule, and which slot of a cron expression is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger

from worker.queues import KINDS
from worker.schedule import SCHEDULE, Scheduled
from worker.slots import latest_slot

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def nightly(zone: ZoneInfo = BERLIN) -> CronTrigger:
    return CronTrigger.from_crontab("0 2 * * *", timezone=zone)


@pytest.mark.parametrize("scheduled", SCHEDULE, ids=lambda scheduled: scheduled.id)
def test_what_is_scheduled_can_run(scheduled: Scheduled) -> None:
    KINDS[scheduled.kind].check(scheduled.arguments)
    CronTrigger.from_crontab(scheduled.cron, timezone=UTC)


def test_ids_in_the_schedule_are_unique() -> None:
    assert len({scheduled.id for scheduled in SCHEDULE}) == len(SCHEDULE)


def test_the_retrain_is_on_sunday() -> None:
    retrain = next(scheduled for scheduled in SCHEDULE if scheduled.id == "weekly-retrain")
    trigger = CronTrigger.from_crontab(retrain.cron, timezone=UTC)
    assert latest_slot(trigger, at("2026-07-12 03:00")) == "2026-07-12T03:00:00"  # a Sunday


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        ("2026-07-10 00:00:00", "2026-07-10T02:00:00"),  # in summer
        ("2026-07-10 00:00:07", "2026-07-10T02:00:00"),
        ("2026-07-10 00:59:59", "2026-07-10T02:00:00"),
        ("2026-07-10 01:00:01", None),  # more than an hour late
        ("2026-07-09 23:59:59", None),
        ("2026-01-10 01:00:00", "2026-01-10T02:00:00"),  # in winter
    ],
)
def test_the_slot_is_the_planned_time_not_the_present_one(now: str, slot: str | None) -> None:
    assert latest_slot(nightly(), at(now)) == slot


def slots_of_a_night(trigger: CronTrigger, start: datetime) -> set[str]:
    minutes = (start + timedelta(minutes=minute) for minute in range(8 * 60))
    return {slot for now in minutes if (slot := latest_slot(trigger, now)) is not None}


@pytest.mark.parametrize("evening", ["2026-03-28 21:00", "2026-10-24 21:00"], ids=["spring", "autumn"])
def test_a_night_in_which_the_clock_changes_has_one_slot(evening: str) -> None:
    assert len(slots_of_a_night(nightly(), at(evening))) == 1


def test_of_several_slots_in_the_grace_the_last_counts() -> None:
    often = CronTrigger.from_crontab("*/5 * * * *", timezone=UTC)
    assert latest_slot(often, at("2026-07-10 10:07")) == "2026-07-10T10:05:00"


@pytest.mark.parametrize("cron", ["30 * * * *", "0 2 * * *", "*/5 * * * *"])
def test_the_trigger_moves_on_when_the_clock_is_set_back(cron: str) -> None:
    """APScheduler 3.11.0 gave the same instant for ever."""
    trigger = CronTrigger.from_crontab(cron, timezone=BERLIN)
    instants = [at("2026-10-24 23:50")]
    for _ in range(40):
        fire = trigger.get_next_fire_time(instants[-1].astimezone(BERLIN), instants[-1].astimezone(BERLIN))
        assert fire is not None
        instants.append(fire.astimezone(UTC))
    assert instants == sorted(set(instants))
