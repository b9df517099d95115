"""The first page: what needs attention, where sales stand, what is expected, what runs."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from ml.db.base import utc_now
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.attention import items_of
from webapp.pages.charts import chart_data
from webapp.pages.jobs import recent_jobs
from webapp.queries.imports import list_imports
from webapp.queries.overview import overview

blueprint = Blueprint("overview", __name__)


@blueprint.get("/")
@requires(SALES_READ)
def show() -> ResponseReturnValue:
    """The overview; before the first import, how to begin."""
    view = overview(db.session(), utc_now())
    chart = chart_data(view.outlook) if view.has_data else None
    last_import = next(iter(list_imports(db.session(), limit=1).items), None)
    return render_template(
        "overview/page.html",
        view=view,
        items=items_of(view.attention),
        node=view.outlook.node,
        chart=chart,
        last_import=last_import,
        **recent_jobs(),
    )
