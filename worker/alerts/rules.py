"""The rules that every installation begins with."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from worker.models import AlertRule

DEFAULTS: tuple[dict[str, Any], ...] = (
    {"name": "A model drifts", "metric": "drift", "threshold": 0.5, "clear_at": 0},
    {"name": "Forecasts err more than promised", "metric": "accuracy", "threshold": 1.5, "clear_at": 1.3},
    {"name": "Jobs fail", "metric": "failed_jobs", "threshold": 0, "clear_at": 0, "window_minutes": 720},
    {"name": "Scheduled runs are not kept", "metric": "broken_promises", "threshold": 0, "clear_at": 0,
     "window_minutes": 1440, "severity": "critical"},
    {"name": "Jobs wait too long", "metric": "waiting_jobs", "threshold": 60, "clear_at": 10},
    {"name": "Events cannot be handled", "metric": "dead_letters", "threshold": 0, "clear_at": 0,
     "severity": "critical"},
    {"name": "Sales are old", "metric": "freshness", "threshold": 35, "clear_at": 34},
    {"name": "Stock runs out", "metric": "urgent_stock", "threshold": 0, "clear_at": 0},
    {"name": "A process is gone", "metric": "silence", "threshold": 0.5, "clear_at": 0.5, "hold_minutes": 2,
     "severity": "critical"},
    {"name": "The API fails", "metric": "error_rate", "threshold": 2, "clear_at": 1, "window_minutes": 10,
     "severity": "critical"},
    {"name": "The API is slow", "metric": "latency", "threshold": 1000, "clear_at": 500, "window_minutes": 10,
     "hold_minutes": 5},
    {"name": "The database runs out of connections", "metric": "connections", "threshold": 80, "clear_at": 70,
     "severity": "critical"},
)  # fmt: skip


def add_defaults(session: Session, timezone: str) -> None:
    """Add them where there is no rule at all; from then on they are people's to change. The caller commits."""
    if session.scalar(sa.select(AlertRule.id).limit(1)) is None:
        session.add_all(AlertRule(timezone=timezone, **values) for values in DEFAULTS)
        session.flush()
