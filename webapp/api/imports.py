"""Imports of sales files."""

from __future__ import annotations

from flask import Response, request, url_for

from ml.db.imports import Import
from webapp.api.answers import answer, problems
from webapp.api.blueprint import api_blueprint
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ
from webapp.errors import FieldError, InvalidRequestError
from webapp.extensions import artifact_store, db
from webapp.queries import imports as queries
from webapp.schemas.base import PageQuery, encode_cursor
from webapp.schemas.imports import (
    ImportAnswer,
    ImportDetail,
    ImportList,
    ImportPath,
    StartBody,
    StartedImport,
    UploadForm,
    UploadQuery,
)
from webapp.services import imports as service
from worker.models import JobRun

blueprint = api_blueprint("imports", "/imports")


@blueprint.post("", responses={201: ImportAnswer, 202: StartedImport, **problems(400, 413)})
@requires(SALES_IMPORT)
def create_import(query: UploadQuery, form: UploadForm) -> Response:
    """Upload a CSV file and load it.

    Answers 202 with the job that loads it, or, with start=false, 201 with the import as it was read so far.
    """
    if "file" not in request.files:
        raise InvalidRequestError([FieldError("file", "send the CSV file as the part `file` with a file name")])
    stream, filename, user = form.file.stream, form.file.filename or "upload.csv", signed_in_user().email
    if query.start:
        _, job = service.import_file(
            db.session(),
            artifact_store(),
            stream,
            filename,
            user,
            overrides=form.mapping,
        )
        return started(job)
    row = service.create_import(db.session(), artifact_store(), stream, filename, user)
    return answer(import_answer(row), 201, Location=url_for("api_imports.show_import", import_id=row.id))


@blueprint.get("", responses={200: ImportList})
@requires(SALES_READ)
def list_imports(query: PageQuery) -> Response:
    """List imports, newest first."""
    page = queries.list_imports(db.session(), query.limit, query.cursor)
    items = [import_answer(row) for row in page.items]
    return answer(ImportList(items=items, next_cursor=encode_cursor(page.next_below)))


@blueprint.get("/<int:import_id>", responses={200: ImportDetail, **problems(404)})
@requires(SALES_READ)
def show_import(path: ImportPath) -> Response:
    """Read an import with its report."""
    session = db.session()
    row = queries.get_import(session, path.import_id)
    report = row.report or {}
    detail = ImportDetail(
        **import_answer(row).model_dump(),
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


@blueprint.post("/<int:import_id>/start", responses={202: StartedImport, **problems(400, 404, 409, 415)})
@requires(SALES_IMPORT)
def start_import(path: ImportPath, body: StartBody) -> Response:
    """Load an uploaded file, with a corrected mapping where one is given."""
    session = db.session()
    guessed = queries.get_import(session, path.import_id).mapping
    mapping = service.merge_mapping(guessed, body.mapping or {})
    return started(service.start_import(session, path.import_id, mapping, signed_in_user().email))


def started(job: JobRun) -> Response:
    location = url_for("api_jobs.show_job", job_id=job.id)
    return answer(StartedImport(import_id=job.arguments["import_id"], job_id=job.id), 202, Location=location)


def import_answer(row: Import) -> ImportAnswer:
    fields = {name: getattr(row, name) for name in ImportAnswer.model_fields if name != "columns"}
    return ImportAnswer(**fields, columns=row.dialect.get("columns", []))
