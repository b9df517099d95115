"""The schedules that are there from the beginning, and which slots a cron expression has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from worker.errors import JobRequestError
from worker.queues import KINDS
from worker.schedule import SCHEDULABLE, SCHEDULE, Scheduled
from worker.slots import check_cron, check_timezone, jitter, key_of, next_slot, slots

BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(cron: str, first: str, last: str, zone: str = BERLIN) -> list[str]:
    """The slots of a cron expression, as UTC without the zone."""
    return [f"{slot:%Y-%m-%d %H:%M}" for slot in slots(cron, zone, at(first), at(last))]


@pytest.mark.parametrize("scheduled", SCHEDULE, ids=lambda scheduled: scheduled.id)
def test_what_is_scheduled_can_run(scheduled: Scheduled) -> None:
    KINDS[scheduled.kind].check(scheduled.arguments)
    check_cron(scheduled.cron)


def test_kinds_that_may_be_scheduled_exist() -> None:
    assert set(SCHEDULABLE) <= set(KINDS)


def test_ids_in_the_schedule_are_unique() -> None:
    assert len({scheduled.id for scheduled in SCHEDULE}) == len(SCHEDULE)


def test_the_retrain_is_on_sunday() -> None:
    retrain = next(scheduled for scheduled in SCHEDULE if scheduled.id == "weekly-retrain")
    assert between(retrain.cron, "2026-07-08", "2026-07-14", "UTC") == ["2026-07-12 03:00"]  # a Sunday


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("1-5", "mon tue wed thu fri"),
        ("0", "sun"),
        ("7", "sun"),
        ("5-7", "fri sat sun"),
        ("6-2", "sat sun mon tue"),
        ("1,3,5", "mon wed fri"),
        ("0-6/2", "sun tue thu sat"),
        ("*/2", "sun tue thu sat"),
        ("1-7/3", "mon thu sun"),
        ("mon-fri/2", "mon wed fri"),
        ("MON-3,sat", "mon tue wed sat"),
        ("sat-sun", "sat sun"),
        ("sun-tue", "sun mon tue"),
        ("*", "sun mon tue wed thu fri sat"),
    ],
)
def test_weekdays_are_counted_as_crontab_counts_them(field: str, days: str) -> None:
    found = slots(f"0 6 * * {field}", "UTC", at("2026-11-22"), at("2026-11-29"))  # from a Sunday on
    assert sorted(f"{slot:%a}".lower() for slot in found) == sorted(days.split())


def test_slots_begin_after_one_moment_and_end_with_the_other() -> None:
    assert between("0 * * * *", "2026-07-10 10:00", "2026-07-10 12:00", "UTC") == [
        "2026-07-10 11:00",
        "2026-07-10 12:00",
    ]


@pytest.mark.parametrize(
    ("night", "slot"),
    [
        ("2026-07-09 21:00", "2026-07-10 00:30"),  # summer
        ("2026-01-09 21:00", "2026-01-10 01:30"),  # winter
        ("2026-03-28 21:00", "2026-03-29 01:30"),  # 02:30 is left out: an hour later
        ("2026-10-24 21:00", "2026-10-25 00:30"),  # 02:30 comes twice: the first one
    ],
)
def test_a_night_has_one_slot_also_when_the_clock_changes(night: str, slot: str) -> None:
    assert between("30 2 * * *", night, str(at(night) + timedelta(hours=8))[:19]) == [slot]


@pytest.mark.parametrize(
    ("cron", "zone", "first", "found"),
    [
        ("0 0 * * *", "America/Santiago", "2026-09-06", ["2026-09-06 04:00", "2026-09-07 03:00"]),
        ("30 0 * * *", "Africa/Cairo", "2026-04-23 12:00", ["2026-04-23 22:30", "2026-04-24 21:30"]),
        ("0 0,1 * * *", "America/Santiago", "2026-09-06", ["2026-09-06 04:00", "2026-09-07 03:00", "2026-09-07 04:00"]),
        ("*/20 2 * * *", BERLIN, "2026-03-29", ["2026-03-29 01:00", "2026-03-29 01:20", "2026-03-29 01:40"]),
    ],
)
def test_times_that_clocks_leave_out_are_made_up_for_also_at_midnight(
    cron: str, zone: str, first: str, found: list[str]
) -> None:
    moments = [at(first) + timedelta(minutes=minutes) for minutes in range(0, 6 * 60, 10)]
    until = at(found[-1])
    assert between(cron, first, found[-1], zone) == found
    for moment in moments:  # whenever they are asked for
        assert list(slots(cron, zone, moment, until)) == [at(one) for one in found if at(one) > moment]


def test_hours_are_counted_as_they_pass_when_the_clock_changes() -> None:
    """No hour is without its run, and none has two."""
    for evening in ("2026-10-24 22:30", "2026-03-28 22:30"):
        found = [at(one) for one in between("0 * * * *", evening, str(at(evening) + timedelta(hours=6))[:19])]
        assert [later - earlier for earlier, later in pairwise(found)] == [timedelta(hours=1)] * 5


def test_keys_are_local_times_and_differ_where_a_time_comes_twice() -> None:
    first, second = at("2026-10-25 00:30"), at("2026-10-25 01:30")
    assert key_of("often", first, BERLIN) == "often:2026-10-25T02:30:00"
    assert key_of("often", second, BERLIN) == "often:2026-10-25T02:30:00+0100"


def test_two_years_of_any_zone_have_each_day_once() -> None:
    for zone in (BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"):
        found = list(islice(slots("30 2 * * *", zone, at("2026-01-01"), at("2029-01-01")), 731))
        gaps = {later - earlier for earlier, later in pairwise(found)}
        assert len(set(found)) == 731
        assert min(gaps) >= timedelta(hours=22)
        assert max(gaps) <= timedelta(hours=26)


def test_jitter_is_the_same_for_all_who_ask_and_differs_by_slot() -> None:
    days = [at("2026-07-10") + timedelta(days=day) for day in range(50)]
    found = [jitter("nightly", day, 600) for day in days]
    assert found == [jitter("nightly", day, 600) for day in days]
    assert timedelta(0) <= min(found) < max(found) <= timedelta(seconds=600)
    assert jitter("nightly", days[0], 0) == timedelta(0)


@pytest.mark.parametrize("cron", ["soon", "* * *", "61 * * * *", "0 0 30 2 *", "", "0 6 * * 8", "0 6 * * mon/0"])
def test_what_is_never_due_is_refused(cron: str) -> None:
    with pytest.raises(JobRequestError, match="the schedule"):
        check_cron(cron)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd"])
def test_zones_that_do_not_exist_are_refused(zone: str) -> None:
    with pytest.raises(JobRequestError, match="no time zone"):
        check_timezone(zone)


def test_the_next_slot_moves_on_when_the_clock_is_set_back() -> None:
    """APScheduler 3.11.0 gave the same instant for ever."""
    for cron in ("30 * * * *", "0 2 * * *", "*/5 * * * *"):
        instants = [at("2026-10-24 23:50")]
        for _ in range(40):
            found = next_slot(cron, BERLIN, instants[-1])
            assert found is not None
            instants.append(found)
        assert instants == sorted(set(instants))
