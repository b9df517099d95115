"""The moments of a cron expression in a time zone, as instants: each slot is one instant, whatever clocks show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from worker.errors import JobRequestError

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
"""As crontab counts them from 0; 7 is Sunday again."""

DAY = rf"[0-7]|{'|'.join(WEEKDAYS)}"
DAYS = re.compile(rf"(?:\*|(?P<first>{DAY})(?:-(?P<last>{DAY}))?)(?:/(?P<step>[1-7]))?", re.IGNORECASE)

MOMENT = timedelta(microseconds=1)
CHANGE = timedelta(hours=2)
"""Times are looked at from so long before an instant: one that clocks leave out counts up to an hour later."""

HOURLY = re.compile(r"\s*\S+\s+\*")
"""What expressions of every hour, or every second one, begin with."""


def slots(cron: str, timezone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots later than `after` and not later than `until`, in UTC, in order.

    In the hour that clocks show twice in autumn, a job of a certain hour runs once, at the first of the two times, and
    one of every hour ("*", "*/2") runs in both. A time that clocks leave out in spring is made up for an hour later.
    """
    found = _of_every_hour if HOURLY.match(cron) else _of_hours
    for slot in found(cron, timezone, after):
        if slot > until:
            return
        yield slot


def _of_every_hour(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The instants at which clocks show the times of an expression."""
    trigger = trigger_of(cron, timezone)
    while (fire := trigger.get_next_fire_time(None, after + MOMENT)) is not None:
        after = fire.astimezone(UTC)  # in local time a sum would lose which of two equal times it is
        yield after


def _of_hours(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """The instants of the times of an expression as they follow each other on a clock that is never changed: on one
    that is, the trigger steps over a day whose midnight is left out."""
    trigger, zone = trigger_of(cron, "UTC"), ZoneInfo(timezone)
    time = after.astimezone(zone).replace(tzinfo=UTC) - CHANGE
    while (fire := trigger.get_next_fire_time(None, time + MOMENT)) is not None:
        time, slot = fire, fire.replace(tzinfo=zone).astimezone(UTC)
        if slot > after:  # else it is there already: what was left out meets what comes an hour later
            after = slot
            yield slot


def next_slot(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first slot later than `after`, in UTC; None where none comes within four years."""
    return next(slots(cron, timezone, after, after + timedelta(days=4 * 366)), None)


def key_of(schedule_id: str, slot: datetime, timezone: str) -> str:
    """What keeps the job of a slot from being asked for twice: its local time, with the offset where that time comes
    twice."""
    local = slot.astimezone(ZoneInfo(timezone))
    offset = local.strftime("%z") if local.fold else ""
    return f"{schedule_id}:{local.strftime('%Y-%m-%dT%H:%M:%S')}{offset}"


def jitter(schedule_id: str, slot: datetime, most: int) -> timedelta:
    """From 0 to `most` seconds, always the same for a slot, so that whoever asks agrees when it is due."""
    digest = blake2b(f"{schedule_id}:{slot.isoformat()}".encode(), digest_size=8).digest()
    return timedelta(seconds=int.from_bytes(digest) % (most + 1))


def check_cron(cron: str, timezone: str = "UTC") -> None:
    """Raises JobRequestError unless there are slots of `cron` in the zone."""
    try:
        found = next_slot(cron, timezone, datetime.now(UTC))
    except (ValueError, IndexError) as error:
        raise JobRequestError(
            f"the schedule {cron!r} cannot be read ({error}); expected minute, hour, day, month and weekday, "
            "such as '15 6 * * mon-fri'."
        ) from None
    if found is None:
        raise JobRequestError(f"the schedule {cron!r} is never due; expected a day that exists.")


def check_timezone(name: str) -> None:
    """Raises JobRequestError unless there is such a time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise JobRequestError(
            f"there is no time zone {name!r}; expected a name such as UTC or Europe/Berlin."
        ) from None


@lru_cache(maxsize=256)
def trigger_of(cron: str, timezone: str) -> CronTrigger:
    """The trigger of an expression; raises ValueError for one that is none. Weekdays are handed over by name, since
    APScheduler counts them from Monday."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415  (the web imports this module; few requests ask)

    fields = cron.split()
    fields[4:5] = [weekdays(field) for field in fields[4:5]]
    return CronTrigger.from_crontab(" ".join(fields), timezone=ZoneInfo(timezone))


def weekdays(field: str) -> str:
    """The names of the days that the fifth field of an expression stands for; raises ValueError where it is none."""
    return ",".join(dict.fromkeys(WEEKDAYS[day % 7] for part in field.split(",") for day in _days(part)))


def _days(part: str) -> range:
    """The days of a weekday, a range of them or "*", with its step; a range that wraps goes on above 7."""
    found = DAYS.fullmatch(part)
    if found is None:
        raise ValueError(f"the weekday {part!r}")
    first, last, step = (found[name] for name in ("first", "last", "step"))
    begin = _day(first or "0")
    if last is None:
        return range(begin, begin + 1) if first and not step else range(begin, 8, int(step or 1))
    end = _day(last)
    return range(begin, (end if end >= begin else end + 7) + 1, int(step or 1))


def _day(name: str) -> int:
    return int(name) if name.isdigit() else WEEKDAYS.index(name.lower())
