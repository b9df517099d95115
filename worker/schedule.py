"""What runs by the clock: one declarative list; firing only asks for a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scheduled:
    """A job that is due at each slot of a cron expression (minute, hour, day, month, weekday)."""

    id: str
    cron: str
    kind: str
    arguments: dict[str, Any] = field(default_factory=dict)


SCHEDULE: tuple[Scheduled, ...] = (
    Scheduled("nightly-refresh", "0 2 * * *", "refresh"),
    Scheduled("prune-uploads", "0 4 * * *", "prune_uploads"),
    Scheduled("prune-records", "30 4 * * *", "prune_records"),
    Scheduled("weekly-retrain", "0 3 * * sun", "train", {"grain": "monthly"}),
    Scheduled("retrain-weekly-forecasts", "0 3 * * mon", "train", {"grain": "weekly"}),
    Scheduled("retrain-daily-forecasts", "0 3 * * tue,fri", "train", {"grain": "daily"}),
)
"""Ids are part of the keys that keep a slot from running twice: never give one to another job."""


def schedule_of(grains: Sequence[str]) -> tuple[Scheduled, ...]:
    """What is scheduled where only some grains are forecast."""
    return tuple(one for one in SCHEDULE if one.arguments.get("grain") in (None, *grains))
