"""Tables of the processes beside the web: jobs and events, schedules and what they promised, alerts."""

from worker.models.alerts import (
    ALERT_STATES,
    NOTIFICATION_STATES,
    SEVERITIES,
    Alert,
    AlertRule,
    Notification,
)
from worker.models.jobs import (
    DELIVERY_STATES,
    FINAL_STATES,
    JOB_STATES,
    IdempotencyKey,
    JobRun,
    OutboxEvent,
    WebhookDelivery,
    WebhookEndpoint,
)
from worker.models.schedules import CATCH_UPS, PROMISE_STATES, Lease, PromisedRun, Schedule

__all__ = [
    "ALERT_STATES",
    "CATCH_UPS",
    "DELIVERY_STATES",
    "FINAL_STATES",
    "JOB_STATES",
    "NOTIFICATION_STATES",
    "PROMISE_STATES",
    "SEVERITIES",
    "Alert",
    "AlertRule",
    "IdempotencyKey",
    "JobRun",
    "Lease",
    "Notification",
    "OutboxEvent",
    "PromisedRun",
    "Schedule",
    "WebhookDelivery",
    "WebhookEndpoint",
]
