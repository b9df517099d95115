"""Sources: files, databases and APIs that rows come from again and again."""

from __future__ import annotations

from flask import Response, url_for

from ml.db.imports import Source
from ml.errors import ConflictError, DataError, UpstreamError
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.edits import check_unchanged, hold, tagged
from webapp.api.idempotency import kept_afterwards
from webapp.api.listing import listing
from webapp.api.waiting import wait_for
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ, SOURCES_MANAGE
from webapp.extensions import db, settings
from webapp.queries import sources as queries
from webapp.queries.jobs import JobView
from webapp.schemas.base import encode_cursor
from webapp.schemas.jobs import JobAnswer
from webapp.schemas.sources import (
    PreviewBody,
    PullQuery,
    SourceAnswer,
    SourceBody,
    SourceList,
    SourcePath,
    SourcePreview,
    SourceQuery,
)
from webapp.services import sources as service

blueprint = api_blueprint("sources", "/sources")


@blueprint.post("", responses={201: SourceAnswer, **problems(400, 409, 415)})
@requires(SOURCES_MANAGE)
def create_source(body: SourceBody) -> Response:
    """Save a new source."""
    row = service.create_source(db.session(), settings().engine, body.draft(), signed_in_user().email)
    return tagged(source_answer(row), 201, Location=url_for("api_sources.show_source", source_id=row.id))


@blueprint.get("", responses={200: SourceList})
@requires(SALES_READ)
def list_sources(query: SourceQuery) -> Response:
    """List sources, newest first."""

    def fetch(part: SourceQuery) -> SourceList:
        page = queries.list_sources(db.session(), part.limit, part.cursor, kind=part.kind)
        items = [source_answer(row) for row in page.items]
        return SourceList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:source_id>", responses={200: SourceAnswer, 304: None, **problems(404)})
@requires(SALES_READ)
def show_source(path: SourcePath) -> Response:
    """Read a source; its credentials are never shown."""
    return tagged(source_answer(queries.get_source(db.session(), path.source_id)))


@blueprint.put("/<int:source_id>", responses={200: SourceAnswer, **problems(400, 404, 409, 412, 415)})
@requires(SOURCES_MANAGE)
def update_source(path: SourcePath, body: SourceBody) -> Response:
    """Replace a source; where its rows come from elsewhere now, its watermark is forgotten."""
    check_source(path)
    row = service.update_source(db.session(), settings().engine, path.source_id, body.draft())
    return tagged(source_answer(row))


@blueprint.delete("/<int:source_id>", responses={204: None, **problems(404, 409, 412)})
@requires(SOURCES_MANAGE)
def delete_source(path: SourcePath) -> Response:
    """Delete a source that never brought anything; one that did can be switched off."""
    check_source(path)
    service.delete_source(db.session(), path.source_id)
    return Response(status=204)


def check_source(path: SourcePath) -> None:
    """Refuse what was decided on an earlier state of a source, where the caller's `If-Match` tells it."""
    session = db.session()
    hold(session, Source)
    check_unchanged(source_answer(queries.get_source(session, path.source_id)))


@blueprint.post("/preview", responses={200: SourcePreview, **problems(400, 404, 415, 502)})
@requires(SOURCES_MANAGE)
@kept_afterwards
def preview_settings(body: PreviewBody) -> Response:
    """Fetch the first rows under settings that are not saved."""
    found = service.preview_draft(db.session(), settings().engine, body.draft(), body.source_id)
    return answer(SourcePreview.model_validate(found))


@blueprint.post("/<int:source_id>/preview", responses={200: SourcePreview, **problems(404, 502)})
@requires(SALES_IMPORT)
@kept_afterwards
def preview_source(path: SourcePath) -> Response:
    """Fetch the first rows of a saved source; nothing is loaded."""
    found = service.preview_source(db.session(), settings().engine, path.source_id)
    return answer(SourcePreview.model_validate(found))


@blueprint.post("/<int:source_id>/watermark/reset", responses={200: SourceAnswer, **problems(404)})
@requires(SOURCES_MANAGE)
def reset_watermark(path: SourcePath) -> Response:
    """Let the next pull fetch everything again."""
    return answer(source_answer(service.reset_watermark(db.session(), path.source_id)))


@blueprint.post("/<int:source_id>/pull", responses={200: JobAnswer, 202: JobAnswer, **problems(404, 409, 502)})
@requires(SALES_IMPORT)
@kept_afterwards
def pull_source(path: SourcePath, query: PullQuery) -> Response:
    """Fetch what is new in a source and load it, or with dry_run only report what would happen.

    Answers 202 with the job; with `wait`, 200 with the job and its result once it succeeds in time, or 502 where
    the source could not be reached or failed (then nothing is loaded, and the next pull begins where this one did).
    """
    session = db.session()
    user = signed_in_user().email
    job = service.pull_source(session, path.source_id, user, full=query.full, dry_run=query.dry_run)
    view = wait_for(job.id, query.wait)
    if view.state == "succeeded":
        return answer(JobAnswer.model_validate(view))
    if view.finished:
        raise failure(view, fetched=queries.was_fetched(session, view.id))
    return answer(JobAnswer.model_validate(view), 202, Location=url_for("api_jobs.show_job", job_id=view.id))


def failure(view: JobView, *, fetched: bool) -> UpstreamError | DataError | ConflictError:
    """What to answer for a pull that failed while the caller waited: the source's fault, or that of what it gave."""
    if view.state == "cancelled":
        return ConflictError(f"job {view.id} was cancelled.")
    message = f"job {view.id} failed: {view.error or 'no reason is known'}"
    return DataError(message) if fetched else UpstreamError(message)


def source_answer(row: Source) -> SourceAnswer:
    fields = {name: getattr(row, name) for name in SourceAnswer.model_fields if name != "has_secret"}
    return SourceAnswer(**fields, has_secret=row.secret is not None)
