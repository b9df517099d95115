"""Events that explain an outlier: a promotion or a holiday is no mistake in the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from ml.db.drivers import Event

COVERED = 0.1
"""An event that takes up this share of a period's days makes its values less surprising."""
LESS = 0.5
"""Their score is taken times this."""
NAMES = ("region", "territory", "area", "category", "product_id")


def explaining(events: Sequence[Event], node: Mapping[str, object], first: date, last: date) -> Event | None:
    """The event that covers most of the days from `first` to `last` of a series, where it is COVERED of them or more.

    `node` holds the names of the series. An event of a narrower place or product than the series is no explanation.
    """
    days = (last - first).days + 1
    covering = [(overlap(event, first, last) / days, event) for event in events if concerns(event, node)]
    share, event = max(covering, key=lambda pair: pair[0], default=(0.0, None))
    return event if share >= COVERED else None


def concerns(event: Event, node: Mapping[str, object]) -> bool:
    """Whether an event is about all of a series."""
    wanted = ((name, getattr(event, name)) for name in NAMES)
    return all(value in ("", None) or str(node.get(name, "")) == str(value) for name, value in wanted)


def overlap(event: Event, first: date, last: date) -> int:
    """How many of the days from `first` to `last` an event takes."""
    return max(0, (min(event.ends_on, last) - max(event.starts_on, first) + timedelta(days=1)).days)


def name_of(event: Event) -> str:
    """An event in words."""
    what = event.kind if event.kind in ("promotion", "holiday") else f"{event.kind} event"
    return f"the {what} {event.name[:60]}".rstrip()
