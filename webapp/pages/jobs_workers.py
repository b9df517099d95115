"""Jobs, continued: the workers, and the queues before them."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from webapp.auth import requires
from webapp.auth.permissions import JOBS_READ
from webapp.extensions import db, redis_client
from webapp.pages.jobs import blueprint
from webapp.pages.render import render, unless_seen, version_of
from webapp.queries.workforce import queue_views, worker_views

__all__ = ["blueprint"]


@blueprint.get("/jobs/workers")
@requires(JOBS_READ)
def workers() -> ResponseReturnValue:
    """Who works, and what waits; followed for as long as it is looked at."""
    queues, found = queue_views(db.session()), worker_views(redis_client())
    version = version_of(queues, [(worker.name, worker.state, worker.job_id, worker.done) for worker in found or []])
    return unless_seen(
        version, lambda: render("jobs/workers.html", block="live", queues=queues, workers=found, version=version)
    )
