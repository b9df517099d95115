"""Taking an import back: first what that would change, then the question."""

from __future__ import annotations

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from ml.etl.datasets import get_dataset
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import SALES_IMPORT
from webapp.extensions import db
from webapp.htmx import see_other
from webapp.pages.imports import blueprint
from webapp.queries.import_effects import import_effects
from webapp.services import imports as service

__all__ = ["blueprint"]

SHOWN_MONTHS = 24


@blueprint.get("/imports/<id:import_id>/take-back")
@requires(SALES_IMPORT)
def take_back(import_id: int) -> ResponseReturnValue:
    """What taking the import back would change, and the button that does it."""
    row, found = import_effects(db.session(), import_id)
    return render_template(
        "imports/take_back.html",
        row=row,
        dataset=get_dataset(row.dataset),
        effects=found,
        months=found.by_month[-SHOWN_MONTHS:],
    )


@blueprint.post("/imports/<id:import_id>/take-back")
@requires(SALES_IMPORT)
def start_take_back(import_id: int) -> ResponseReturnValue:
    """Take it back, in a job that the import's page follows."""
    service.undo_import(db.session(), import_id, signed_in_user().email)
    return see_other(url_for("imports.show", import_id=import_id))
