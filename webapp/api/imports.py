"""Imports: files on their way into a data set, and back out of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request, url_for

from ml.db.imports import Import
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.api.listing import listing
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import artifact_store, db
from webapp.queries import imports as queries
from webapp.queries.import_effects import import_effects
from webapp.schemas.base import encode_cursor
from webapp.schemas.imports import (
    EffectsAnswer,
    FilePreview,
    ImportAnswer,
    ImportDetail,
    ImportList,
    ImportPath,
    ImportQuery,
    PreviewQuery,
    StartBody,
    StartedImport,
    UploadForm,
    UploadQuery,
)
from webapp.services import imports as service
from webapp.services.imports import UploadOptions
from worker.models import JobRun

blueprint = api_blueprint("imports", "/imports")


@blueprint.post("", responses={201: ImportAnswer, 202: StartedImport, **problems(400, 404, 413)})
@requires(SALES_IMPORT)
def create_import(query: UploadQuery, form: UploadForm) -> Response:
    """Upload a file and load it.

    Answers 202 with the job that loads it (or, with dry_run, only checks it and says in its result what would
    happen), or, with start=false, 201 with the import as it was read so far. Rows that were rejected can be
    downloaded, corrected and sent again as they are: what the download says of each is ignored.
    """
    if "file" not in request.files:
        raise InvalidRequestError([FieldError("file", "send the file as the part `file` with a file name")])
    stream, filename, user = form.file.stream, form.file.filename or "upload.csv", signed_in_user().email
    options = UploadOptions(form.dataset, form.source, form.mapping, form.policy, form.sheet)
    session, store = db.session(), artifact_store()
    if query.start or query.dry_run:
        _, job = service.import_file(session, store, stream, filename, user, options=options, dry_run=query.dry_run)
        return started(job)
    row = service.create_import(session, store, stream, filename, user, options=options)
    location = url_for("api_imports.show_import", import_id=row.id)
    return answer(import_answer(row, queries.source_names(session, [row])), 201, Location=location)


@blueprint.get("", responses={200: ImportList})
@requires(SALES_READ)
def list_imports(query: ImportQuery) -> Response:
    """List imports, newest first."""

    def fetch(part: ImportQuery) -> ImportList:
        session = db.session()
        source = service.named_source(session, part.source).id if part.source else None
        page = queries.list_imports(
            session, part.limit, part.cursor, state=part.state, dataset=part.dataset, source_id=source
        )
        names = queries.source_names(session, page.items)
        items = [import_answer(row, names) for row in page.items]
        return ImportList(items=items, next_cursor=encode_cursor(page.next_below))

    return listing(query, fetch)


@blueprint.get("/<int:import_id>", responses={200: ImportDetail, **problems(404)})
@requires(SALES_READ)
def show_import(path: ImportPath) -> Response:
    """Read an import with its report."""
    session = db.session()
    row = queries.get_import(session, path.import_id)
    report = row.report or {}
    detail = ImportDetail(
        **import_answer(row, queries.source_names(session, [row])).model_dump(),
        report=row.report,
        conflicts=report.get("conflicts", []),
        job_ids=queries.jobs_of_import(session, row.id),
    )
    return answer(detail)


@blueprint.get(
    "/<int:import_id>/rejected",
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **problems(404)},
)
@requires(SALES_READ)
def download_rejected(path: ImportPath) -> Response:
    """Download the rows that were not loaded, with the reasons, as CSV."""
    session = db.session()
    row = queries.get_import(session, path.import_id)
    headers = {"Content-Disposition": f'attachment; filename="import-{row.id}-rejected.csv"'}
    return Response(queries.rejected_csv(session, row), headers=headers, content_type="text/csv; charset=utf-8")


@blueprint.get("/<int:import_id>/preview", responses={200: FilePreview, **problems(404, 409)})
@requires(SALES_READ)
def preview_import(path: ImportPath, query: PreviewQuery) -> Response:
    """Read the first rows of an import's file, as text."""
    sample = queries.sample(artifact_store(), queries.get_import(db.session(), path.import_id))
    preview = FilePreview.model_validate(sample)
    return answer(preview.model_copy(update={"rows": preview.rows[: query.rows]}))


@blueprint.post("/<int:import_id>/start", responses={202: StartedImport, **problems(400, 404, 409, 415)})
@requires(SALES_IMPORT)
def start_import(path: ImportPath, body: StartBody) -> Response:
    """Load an uploaded file, with a corrected mapping and policy where they are given, or only check it."""
    session = db.session()
    guessed = queries.get_import(session, path.import_id).mapping
    mapping = service.merge_mapping(guessed, body.mapping or {})
    user = signed_in_user().email
    job = service.start_import(session, path.import_id, mapping, user, policy=body.policy, dry_run=body.dry_run)
    return started(job)


@blueprint.get("/<int:import_id>/effects", responses={200: EffectsAnswer, **problems(404, 409)})
@requires(SALES_IMPORT)
def show_effects(path: ImportPath) -> Response:
    """Read what taking a loaded import back would change; nothing is changed."""
    _, found = import_effects(db.session(), path.import_id)
    return answer(EffectsAnswer.model_validate({**vars(found), "forecasts": len(found.stale_runs)}))


@blueprint.post("/<int:import_id>/undo", responses={202: StartedImport, **problems(404, 409)})
@requires(SALES_IMPORT)
def undo_import(path: ImportPath) -> Response:
    """Take a loaded import back: a job leaves the data as if it had never come."""
    return started(service.undo_import(db.session(), path.import_id, signed_in_user().email))


def started(job: JobRun) -> Response:
    location = url_for("api_jobs.show_job", job_id=job.id)
    return answer(StartedImport(import_id=job.arguments["import_id"], job_id=job.id), 202, Location=location)


def import_answer(row: Import, sources: Mapping[int, str]) -> ImportAnswer:
    fields = {name: getattr(row, name) for name in ImportAnswer.model_fields if name not in ("columns", "source")}
    source = sources.get(row.source_id) if row.source_id is not None else None
    return ImportAnswer(**fields, source=source, columns=row.dialect.get("columns", []))
