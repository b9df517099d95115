"""From a file to sales: upload, match the columns, load, see what came of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from ml.db.imports import Import
from ml.errors import SourceError
from ml.etl.mapping import FIELDS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ
from webapp.errors import FieldError, UnmappedColumnsError
from webapp.extensions import artifact_store, db, redis_client
from webapp.htmx import see_other
from webapp.pages.following import import_progress
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render, unless_seen
from webapp.queries import imports as queries
from webapp.services import imports as service

SHOWN_REJECTED = 20
STARTABLE = service.STARTABLE

blueprint = Blueprint("imports", __name__)


@blueprint.get("/imports")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """All imports, and the form for a new one."""
    return imports_page()


@blueprint.post("/imports")
@requires(SALES_IMPORT)
def upload() -> ResponseReturnValue:
    """Keep the file and go on to match its columns; a file that cannot be read is refused here."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return imports_page("Choose a CSV file first."), 422
    try:
        row = service.create_import(db.session(), artifact_store(), file.stream, file.filename, signed_in_user().email)
    except SourceError as error:
        return imports_page(str(error)), 422
    return see_other(url_for("imports.show", import_id=row.id))


@blueprint.get("/imports/<id:import_id>")
@requires(SALES_READ)
def show(import_id: int) -> ResponseReturnValue:
    """One import: its columns while they can be changed, its progress after that."""
    row = queries.get_import(db.session(), import_id)
    if row.state in STARTABLE and signed_in_user().can(SALES_IMPORT):
        return mapping_page(row, mapping_of(request.args) or row.mapping)
    return progress_page(row)


@blueprint.post("/imports/<id:import_id>")
@requires(SALES_IMPORT)
def start(import_id: int) -> ResponseReturnValue:
    """Load the file under the columns that were chosen, in a job."""
    chosen = mapping_of(request.form)
    try:
        service.start_import(db.session(), import_id, chosen, signed_in_user().email)
    except UnmappedColumnsError as error:
        row = queries.get_import(db.session(), import_id)
        return mapping_page(row, chosen, str(error)), 422
    return see_other(url_for("imports.show", import_id=import_id))


@blueprint.get("/imports/<id:import_id>/rejected.csv")
@requires(SALES_READ)
def rejected_csv(import_id: int) -> ResponseReturnValue:
    """All rows that were not loaded, to be corrected and sent again."""
    row = queries.get_import(db.session(), import_id)
    rows = stream_with_context(queries.rejected_csv(db.session(), row))
    headers = {"Content-Disposition": f'attachment; filename="rejected-{row.id}.csv"'}
    return Response(rows, mimetype="text/csv", headers=headers)


def imports_page(problem: str = "") -> str:
    page = queries.list_imports(db.session(), below=below())
    return render_template("imports/index.html", page=page, problem=sentence(problem))


def mapping_page(row: Import, mapping: Mapping[str, str], problem: str = "") -> str:
    """The columns of the file against the fields that are wanted."""
    sample = queries.sample(artifact_store(), row)
    errors = by_field(service.field_errors({f: c for f, c in mapping.items() if c}, sample.columns))
    return render(
        "imports/mapping.html",
        block="mapping",
        row=row,
        sample=sample,
        fields=FIELDS,
        mapping=mapping,
        errors=errors,
        problem=sentence(problem),
    )


def progress_page(row: Import) -> str | Response:
    """What became of the import so far."""
    session = db.session()
    progress = import_progress(session, redis_client(), row)
    rejected = queries.rejected_rows(session, row.id, SHOWN_REJECTED) if row.rows_rejected else []
    body = render("imports/show.html", block="live", row=row, progress=progress, rejected=rejected)
    return unless_seen(body, progress.version)


def mapping_of(values: Mapping[str, str]) -> dict[str, str]:
    """The columns chosen in the form, by field; empty where nothing was sent."""
    return {field.name: values[field.name] for field in FIELDS if field.name in values}


def by_field(errors: list[FieldError]) -> dict[str, str]:
    """Messages by the name of the field that they are shown beside."""
    return {error.field.removeprefix("mapping."): sentence(error.message) + "." for error in errors}
