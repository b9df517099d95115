"""From a file to its data set: upload, say what fills each field, check, load, see what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from ml.db.imports import IMPORT_STATES, Import, RejectedRow
from ml.errors import ConflictError, MappingError, NotFoundError, SourceError
from ml.etl import templates
from ml.etl.datasets import DATASETS, get_dataset
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ
from webapp.errors import FieldError, InvalidRequestError, UnmappedColumnsError
from webapp.extensions import artifact_store, db, redis_client
from webapp.htmx import see_other
from webapp.pages import imports_form as forms
from webapp.pages import imports_policy as policies
from webapp.pages.following import ImportProgress, import_progress
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render, unless_seen, wants_fragment
from webapp.queries import imports as queries
from webapp.queries import sources
from webapp.services import imports as service
from webapp.services.reread import reread_import
from webapp.services.saved_mappings import save_mapping

SHOWN_REJECTED = 20
STARTABLE = service.STARTABLE
MOST_SOURCES = 200

blueprint = Blueprint("imports", __name__)


@blueprint.get("/imports")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """All imports, filtered by the query string, and the form for a new one."""
    return imports_page()


@blueprint.post("/imports")
@requires(SALES_IMPORT)
def upload() -> ResponseReturnValue:
    """Keep the file and go on to match its columns; a file that cannot be read is refused here."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return imports_page("Choose a file first."), 422
    options = service.UploadOptions(dataset=request.form.get("dataset", ""), source=request.form.get("source", ""))
    if options.source:
        options = service.UploadOptions(source=options.source)
    try:
        user = signed_in_user().email
        row = service.create_import(db.session(), artifact_store(), file.stream, file.filename, user, options=options)
    except (SourceError, NotFoundError) as error:
        return imports_page(str(error)), 422
    except InvalidRequestError as error:
        return imports_page(error.errors[0].message), 422
    return see_other(url_for("imports.show", import_id=row.id))


@blueprint.get("/imports/templates/<dataset>.<suffix>")
@requires(SALES_READ)
def template(dataset: str, suffix: str) -> ResponseReturnValue:
    """A file to fill in, with the data set's fields as its header."""
    if suffix not in templates.FORMATS:
        raise NotFoundError(f"there is no template {dataset}.{suffix}; expected {' or '.join(templates.FORMATS)}.")
    content = templates.template(get_dataset(dataset), suffix)
    name = templates.template_name(get_dataset(dataset), suffix)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, content_type=templates.FORMATS[suffix], headers=headers)


@blueprint.get("/imports/<id:import_id>")
@requires(SALES_READ)
def show(import_id: int) -> ResponseReturnValue:
    """One import: its columns while they can be changed, its progress after that."""
    row = queries.get_import(db.session(), import_id)
    progress = import_progress(db.session(), redis_client(), row)
    startable = row.state in STARTABLE and row.artifact_deleted_at is None
    if startable and not progress.following and signed_in_user().can(SALES_IMPORT):
        return see_other(request.path) if wants_fragment() else mapping_page(row, row.mapping)
    return progress_page(row, progress)


@blueprint.post("/imports/<id:import_id>/columns")
@requires(SALES_IMPORT)
def columns(import_id: int) -> ResponseReturnValue:
    """What the columns chosen so far mean: samples and errors beside each field. Nothing is kept."""
    row = queries.get_import(db.session(), import_id)
    return mapping_page(row, forms.mapping_of(request.form, get_dataset(row.dataset)), policy=sent_policy(row))


@blueprint.post("/imports/<id:import_id>/read")
@requires(SALES_IMPORT)
def reread(import_id: int) -> ResponseReturnValue:
    """Read the file as another data set, another of its sheets, or under a saved mapping."""
    form = request.form
    try:
        reread_import(
            db.session(),
            artifact_store(),
            import_id,
            dataset=form.get("dataset", "sales"),
            sheet=form.get("sheet", ""),
            source=form.get("source", ""),
        )
    except SourceError as error:
        row = queries.get_import(db.session(), import_id)
        return mapping_page(row, row.mapping, str(error)), 422
    return see_other(url_for("imports.show", import_id=import_id))


@blueprint.post("/imports/<id:import_id>")
@requires(SALES_IMPORT)
def start(import_id: int) -> ResponseReturnValue:
    """Load the file as the form says, in a job; or only check it; or save what was chosen under a name."""
    session, user = db.session(), signed_in_user().email
    row = queries.get_import(session, import_id)
    chosen, policy = forms.mapping_of(request.form, get_dataset(row.dataset)), sent_policy(row)
    action = request.form.get("action", "load")
    try:
        if action == "save":
            save_mapping(session, import_id, request.form.get("save_as", ""), chosen, user, policy=policy)
        else:
            service.start_import(session, import_id, chosen, user, policy=policy, dry_run=action == "check")
    except InvalidRequestError as error:
        return failed(import_id, chosen, policy, error.errors[0].message)
    except (MappingError, UnmappedColumnsError) as error:
        return failed(import_id, chosen, policy, str(error))
    except ConflictError as error:
        if action != "save":
            raise
        return failed(import_id, chosen, policy, str(error))
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
    session = db.session()
    filters = {"dataset": one_of("dataset", DATASETS), "state": one_of("state", IMPORT_STATES)}
    source = request.args.get("source", type=int)
    page = queries.list_imports(
        session,
        below=below(),
        state=filters["state"] or None,
        dataset=filters["dataset"] or None,
        source_id=source,
    )
    return render_template(
        "imports/index.html",
        page=page,
        filters={**filters, "source": source or ""},
        states=IMPORT_STATES,
        datasets=DATASETS,
        saved=saved_mappings(),
        names=queries.source_names(session, page.items),
        problem=sentence(problem),
    )


def mapping_page(
    row: Import, mapping: Mapping[str, Any], problem: str = "", policy: Mapping[str, Any] | None = None
) -> str:
    """The columns of the file against the fields that are wanted."""
    sample = queries.sample(artifact_store(), row)
    dataset = get_dataset(row.dataset)
    given = {field: rule for field, rule in mapping.items() if rule}
    errors = service.field_errors(given, sample.columns, dataset)
    jobs = import_progress(db.session(), redis_client(), row).jobs
    return render(
        "imports/mapping.html",
        block="mapping",
        row=row,
        sample=sample,
        dataset=dataset,
        datasets=DATASETS,
        saved=saved_mappings(),
        sheets=row.dialect.get("sheets", []),
        fields=dataset.fields,
        mapping=mapping,
        matched=forms.matched(mapping, dataset.fields),
        parts=forms.parts,
        is_more=forms.is_more,
        operators=forms.OPERATOR_NAMES,
        date_formats=forms.DATE_FORMATS,
        policy=policies.policy_inputs(readable_policy(policy, row), dataset),
        policy_choices=policies,
        policy_open=bool(policy if policy is not None else row.policy),
        source_name=queries.source_names(db.session(), [row]).get(row.source_id or 0, ""),
        errors=by_field(errors),
        problem=sentence(problem or forms.failed_check(jobs)),
        checked=forms.dry_run_report(row),
        rejected=shown_rejected(row),
    )


def progress_page(row: Import, progress: ImportProgress) -> str | Response:
    """What became of the import so far."""
    return unless_seen(
        progress.version,
        lambda: render(
            "imports/show.html",
            block="live",
            row=row,
            progress=progress,
            rejected=shown_rejected(row),
            dataset=get_dataset(row.dataset),
            source=queries.source_names(db.session(), [row]).get(row.source_id or 0, ""),
        ),
    )


def shown_rejected(row: Import) -> list[RejectedRow]:
    """The first of the rows that were not loaded, of a refused import, too."""
    return queries.rejected_rows(db.session(), row.id, SHOWN_REJECTED) if row.rows_rejected else []


def failed(
    import_id: int, mapping: Mapping[str, Any], policy: Mapping[str, Any] | None, problem: str
) -> tuple[str, int]:
    """The form again, with what was wrong and with all that was typed."""
    db.session.rollback()
    return mapping_page(queries.get_import(db.session(), import_id), mapping, problem, policy), 422


def sent_policy(row: Import) -> dict[str, Any] | None:
    return policies.policy_of(request.form, row.policy)


def readable_policy(policy: Mapping[str, Any] | None, row: Import) -> Mapping[str, Any] | None:
    """The policy to show: what was sent where it can be read, else what is kept."""
    try:
        service.checked_policy(policy, get_dataset(row.dataset))
    except MappingError:
        return row.policy
    return policy if policy is not None else row.policy


def saved_mappings() -> list[Any]:
    """The sources of uploaded files: mappings saved under a name."""
    return list(sources.list_sources(db.session(), MOST_SOURCES, kind="file").items)


def one_of(name: str, known: Any) -> str:
    """A filter of the query string; '' for all, and for one that is not known."""
    value = request.args.get(name, "")
    return value if value in known else ""


def by_field(errors: list[FieldError]) -> dict[str, str]:
    """Messages by the name of the field that they are shown beside."""
    return {error.field.removeprefix("mapping."): sentence(error.message) + "." for error in errors}
