"""A series at any level: its chart, its table, what is inside it, and the way there."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.charts import chart_data
from webapp.pages.grains import asked_grain, grain_words, recent
from webapp.pages.reasons import reasons_of
from webapp.pages.render import render
from webapp.pages.tables import outlook_csv
from webapp.pages.trails import trails_of
from webapp.queries.explore import breakdown, dimensions, search
from webapp.queries.factors import factors_of_node
from webapp.queries.forecasts import outlook
from webapp.queries.nodes import Node
from webapp.queries.overrides import OverrideFilter, list_overrides

blueprint = Blueprint("series", __name__)

MAX_RESULTS = 20
MAX_ROWS = 25
OVERRIDES = 5


@blueprint.get("/series")
@requires(SALES_READ)
def show() -> ResponseReturnValue:
    """The series that the query names; without names, all sales."""
    session, grain = db.session(), asked_grain()
    view, earlier = recent(outlook(session, Node.of(request.args), grain=grain))
    why = factors_of_node(session, view.run_id, view.node) if view.run_id is not None else None
    possible = dimensions(session, view.node)
    asked = request.args.get("by", "")
    dimension = asked if asked in possible else next(iter(possible), "")
    rows = breakdown(session, view.node, dimension) if dimension else []
    shown = len(rows) if "all" in request.args else MAX_ROWS
    return render_template(
        "series/page.html",
        view=view,
        node=view.node,
        chart=chart_data(view),
        why=why,
        reasons=reasons_of(why, f"{grain.season_length} {grain.unit}"),
        season=f"{grain.season_length} {grain.unit}",
        trails=trails_of(view.node),
        dimensions=possible,
        dimension=dimension,
        rows=rows[:shown],
        more=max(len(rows) - shown, 0),
        earlier=earlier,
        overrides=list_overrides(session, OverrideFilter(grain.name, node=view.node), OVERRIDES).items,
        **grain_words(grain),
    )


@blueprint.get("/series.csv")
@requires(SALES_READ)
def table_csv() -> ResponseReturnValue:
    """History and forecast of the series as a table to download."""
    view = outlook(db.session(), Node.of(request.args), grain=asked_grain())
    headers = {"Content-Disposition": 'attachment; filename="forecastle-series.csv"'}
    return Response(outlook_csv(view), mimetype="text/csv", headers=headers)


@blueprint.get("/series/search")
@requires(SALES_READ)
def find() -> ResponseReturnValue:
    """Places and products by name, as a page or, while somebody types, as a list."""
    text = request.args.get("q", "").strip()
    nodes = search(db.session(), text, MAX_RESULTS) if text else []
    return render("series/search.html", block="results", nodes=nodes, text=text)
