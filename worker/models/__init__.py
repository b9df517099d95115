"""Tables of the processes beside the web: jobs and events, schedules and what they promised."""

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
    "CATCH_UPS",
    "DELIVERY_STATES",
    "FINAL_STATES",
    "JOB_STATES",
    "PROMISE_STATES",
    "IdempotencyKey",
    "JobRun",
    "Lease",
    "OutboxEvent",
    "PromisedRun",
    "Schedule",
    "WebhookDelivery",
    "WebhookEndpoint",
]
