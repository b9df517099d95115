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


class OutOfMemoryError(ForecastleError):
    """A job needed more memory than it may have; another attempt would need as much."""

    code = "out-of-memory"

    def __init__(self, megabytes: int) -> None:
        super().__init__(
            f"the job needed more than the {megabytes:,} MB of memory that it may have; run it on less data, "
            "or set FORECASTLE_JOB_MEMORY_MB for workers on a larger machine."
        )
