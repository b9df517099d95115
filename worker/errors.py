"""Errors of the job system."""

from __future__ import annotations

from ml.errors import ForecastleError


class JobRequestError(ForecastleError):
    """A job was asked for that no worker could run: unknown kind or wrong arguments."""

    code = "bad-job-request"


class UnknownEventError(ForecastleError):
    """The outbox holds an event that this version does not know."""

    code = "unknown-event"


class StaleAttemptError(ForecastleError):
    """This attempt at a job was given up meanwhile; nothing of it may be committed."""

    code = "stale-attempt"


class NotLeaderError(ForecastleError):
    """Another process took the lead; nothing of this one may be committed."""

    code = "not-leader"
