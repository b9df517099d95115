"""The sources: where rows come from again and again, how far each was read, and what went wrong last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from ml.db.imports import Source
from ml.errors import ConflictError, ForecastleError, MappingError, NotFoundError
from ml.etl.datasets import DATASETS, get_dataset
from ml.etl.sources.pulled import ready_mapping
from ml.settings import Settings
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT, SALES_READ, SOURCES_MANAGE
from webapp.errors import InvalidRequestError
from webapp.extensions import db, redis_client, settings
from webapp.htmx import see_other
from webapp.pages import imports_form, sources_form
from webapp.pages.following import version_of_jobs
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.render import render, unless_seen
from webapp.queries import sources as queries
from webapp.queries.jobs import job_view
from webapp.queries.pulls import last_pulls
from webapp.services import sources as service
from webapp.services.imports import field_errors
from webapp.services.sources import SourceDraft

SHOWN_IMPORTS = 10

blueprint = Blueprint("sources", __name__)


@blueprint.get("/sources")
@requires(SALES_READ)
def index() -> ResponseReturnValue:
    """All sources, with what came of their last pull."""
    session = db.session()
    page = queries.list_sources(session, below=below())
    pulls = last_pulls(session, {source.id for source in page.items})
    kinds = sources_form.KINDS
    return render_template("sources/index.html", page=page, pulls=pulls, kinds=kinds, datasets=DATASETS)


@blueprint.get("/sources/new")
@requires(SOURCES_MANAGE)
def new() -> ResponseReturnValue:
    """The form for a new source, of the kind that the query string names."""
    kind = request.args.get("kind", "")
    if kind not in sources_form.KINDS:
        return render_template("sources/kinds.html", kinds=sources_form.KINDS, help=sources_form.KIND_HELP)
    return form_page(SourceDraft("", kind))


@blueprint.post("/sources/new")
@requires(SOURCES_MANAGE)
def create() -> ResponseReturnValue:
    """Save a new source."""
    kind = request.form.get("kind", "")
    if kind not in sources_form.KINDS:
        raise NotFoundError(f"there is no kind of source {kind!r}; choose one of {', '.join(sources_form.KINDS)}.")
    draft = sources_form.draft_of(request.form, kind, None)
    try:
        sources_form.check_json(draft)
        source = service.create_source(db.session(), engine(), draft, signed_in_user().email)
    except ForecastleError as error:
        return form_page(draft, problem=problem_of(error)), 422
    return see_other(url_for("sources.show", source_id=source.id))


@blueprint.get("/sources/<id:source_id>")
@requires(SALES_READ)
def show(source_id: int) -> str | Response:
    """One source: how far it was read, its last pull, and what it brought; followed while it is pulled."""
    session = db.session()
    source = queries.get_source(session, source_id)
    last = last_pulls(session, {source_id}).get(source_id)
    job = job_view(session, redis_client(), last.id) if last else None
    page = queries.imports_of_source(session, source_id, SHOWN_IMPORTS, below())
    version = version_of_jobs([job] if job else [], source.watermark, [row.state for row in page.items])
    return unless_seen(
        version,
        lambda: render(
            "sources/show.html",
            block="live",
            source=source,
            matched=len(source.mapping or ready_mapping(source.kind, source.settings)),
            job=job,
            following=job is not None and not job.finished,
            version=version,
            page=page,
            names={},
            datasets=DATASETS,
            kinds=sources_form.KINDS,
        ),
    )


@blueprint.get("/sources/<id:source_id>/edit")
@requires(SOURCES_MANAGE)
def edit(source_id: int) -> ResponseReturnValue:
    """The form of a saved source; its credentials are never filled in."""
    source = queries.get_source(db.session(), source_id)
    return form_page(sources_form.draft_from(source), source)


@blueprint.post("/sources/<id:source_id>/edit")
@requires(SOURCES_MANAGE)
def update(source_id: int) -> ResponseReturnValue:
    """Save what the form says."""
    source = queries.get_source(db.session(), source_id)
    draft = sources_form.draft_of(request.form, source.kind, source)
    try:
        sources_form.check_json(draft)
        service.update_source(db.session(), engine(), source_id, draft)
    except ForecastleError as error:
        return form_page(draft, queries.get_source(db.session(), source_id), problem_of(error)), 422
    return see_other(url_for("sources.show", source_id=source_id))


@blueprint.get("/sources/<id:source_id>/rows")
@requires(SOURCES_MANAGE)
def rows(source_id: int) -> ResponseReturnValue:
    """The first rows as they are there now, and which column fills which field."""
    return rows_page(source_id)


@blueprint.post("/sources/<id:source_id>/rows")
@requires(SOURCES_MANAGE)
def set_mapping(source_id: int) -> ResponseReturnValue:
    """Keep which column fills which field."""
    source = queries.get_source(db.session(), source_id)
    chosen = imports_form.mapping_of(request.form, get_dataset(source.dataset))
    given = {field: rule for field, rule in chosen.items() if rule}
    try:
        service.update_source(
            db.session(), engine(), source_id, replace(sources_form.draft_from(source), mapping=given)
        )
    except (MappingError, InvalidRequestError) as error:
        return rows_page(source_id, given, problem_of(error)), 422
    return see_other(url_for("sources.show", source_id=source_id))


@blueprint.post("/sources/<id:source_id>/pull")
@requires(SALES_IMPORT)
def pull(source_id: int) -> ResponseReturnValue:
    """Fetch what is new, or everything, in a job that the page follows; or only check what that would do."""
    full, dry_run = bool(request.form.get("full")), bool(request.form.get("dry_run"))
    service.pull_source(db.session(), source_id, signed_in_user().email, full=full, dry_run=dry_run)
    return see_other(url_for("sources.show", source_id=source_id))


@blueprint.post("/sources/<id:source_id>/delete")
@requires(SOURCES_MANAGE)
def delete(source_id: int) -> ResponseReturnValue:
    """Delete a source that brought nothing."""
    service.delete_source(db.session(), source_id)
    return see_other(url_for("sources.index"))


def form_page(draft: SourceDraft, source: Source | None = None, problem: str = "") -> str:
    return render_template(
        "sources/form.html",
        draft=draft,
        source=source,
        problem=problem,
        groups=sources_form.GROUPS[draft.kind],
        secret=sources_form.SECRETS.get(draft.kind),
        kinds=sources_form.KINDS,
        datasets=DATASETS,
        shown=sources_form.shown,
    )


def rows_page(source_id: int, chosen: dict[str, Any] | None = None, problem: str = "") -> str:
    """A preview with the mapping beside it; where the source cannot be reached, what was asked and answered."""
    source = queries.get_source(db.session(), source_id)
    dataset, sample = get_dataset(source.dataset), None
    saved, name = dict(source.mapping or {}), source.name
    try:
        sample = service.preview_source(db.session(), engine(), source_id)
    except ConflictError:
        raise
    except ForecastleError as error:
        problem = problem or problem_of(error)
    mapping = chosen or saved or (sample.mapping if sample else {})
    errors = field_errors(mapping, sample.columns, dataset) if sample else []
    return render_template(
        "sources/rows.html",
        source_id=source_id,
        name=name,
        sample=sample,
        dataset=dataset,
        fields=dataset.fields,
        mapping=mapping,
        parts=imports_form.parts,
        is_more=imports_form.is_more,
        operators=imports_form.OPERATOR_NAMES,
        date_formats=imports_form.DATE_FORMATS,
        errors={error.field.removeprefix("mapping."): sentence(error.message) + "." for error in errors},
        problem=problem,
    )


def problem_of(error: ForecastleError) -> str:
    """What to show above the form."""
    if isinstance(error, InvalidRequestError):
        return sentence("; ".join(f"{one.field}: {one.message}" for one in error.errors)) + "."
    return sentence(str(error))


def engine() -> Settings:
    return settings().engine
