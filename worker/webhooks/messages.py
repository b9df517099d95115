"""What endpoints are told: our events under the names and fields that callers rely on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from worker.events import (
    AlertRaised,
    AlertResolved,
    Event,
    ForecastPublished,
    JobFailed,
    ModelDrifted,
    OrdersAccepted,
    RecordsImported,
    SalesImported,
    StockPlanned,
    StockRanLow,
)

Told = Callable[[Any], dict[str, Any]]

MESSAGES: dict[type[Event], tuple[str, Told]] = {
    SalesImported: (
        "import.loaded",
        lambda event: {
            "import_id": event.import_id,
            "dataset": "sales",
            "rows": event.rows,
            "first_date": event.first_date.isoformat(),
            "last_date": event.last_date.isoformat(),
        },
    ),
    RecordsImported: (
        "import.loaded",
        lambda event: {"import_id": event.import_id, "dataset": event.dataset, "rows": event.rows},
    ),
    ForecastPublished: (
        "forecast.published",
        lambda event: {"run_id": event.run_id, "grain": event.grain, "series": event.series},
    ),
    ModelDrifted: (
        "model.drifted",
        lambda event: {"grain": event.grain, "model_id": event.model_id, "as_of": event.as_of.isoformat()},
    ),
    StockPlanned: (
        "stock.planned",
        lambda event: {
            "run_id": event.run_id,
            "items": event.items,
            "urgent": event.urgent,
            "warning": event.warning,
            "orders": event.orders,
        },
    ),
    StockRanLow: (
        "stock.alert",
        lambda event: {"run_id": event.run_id, "count": event.count, "items": event.items},
    ),
    OrdersAccepted: (
        "orders.accepted",
        lambda event: {"order_refs": event.order_refs, "lines": event.lines, "user": event.user},
    ),
    JobFailed: (
        "job.failed",
        lambda event: {"job_id": event.job_id, "kind": event.kind, "error": event.error},
    ),
    AlertRaised: (
        "alert.raised",
        lambda event: {
            "alert_id": event.alert_id,
            "rule": event.rule,
            "severity": event.severity,
            "subject": event.subject,
            "message": event.message,
        },
    ),
    AlertResolved: (
        "alert.resolved",
        lambda event: {
            "alert_id": event.alert_id,
            "rule": event.rule,
            "subject": event.subject,
            "message": event.message,
        },
    ),
}
"""By event: its name outside, and its facts. What is not here is told to nobody."""

NAMES = tuple(dict.fromkeys(name for name, _ in MESSAGES.values()))


def message_of(event_id: int, event: Event, at: datetime) -> tuple[str, str] | None:
    """Name and body of what is told of an event; None where nothing is."""
    if type(event) not in MESSAGES:
        return None
    name, facts = MESSAGES[type(event)]
    body = {"id": event_id, "type": name, "created_at": at.isoformat(), "data": facts(event)}
    return name, json.dumps(body, ensure_ascii=False, separators=(",", ":"))
