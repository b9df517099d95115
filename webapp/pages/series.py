"""A series at any level: its chart, its table, what is inside it, and the way there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from ml.etl.templates import FORMATS
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.charts import chart_data, with_earlier, with_final, with_marks
from webapp.pages.grains import PASTS, SHOWN, asked_grain, asked_past, grain_words, recent
from webapp.pages.reasons import reasons_of
from webapp.pages.render import render
from webapp.pages.tables import outlook_csv, outlook_xlsx
from webapp.pages.trails import trails_of
from webapp.queries.earlier import Earlier, earlier_forecasts
from webapp.queries.explore import breakdown, dimensions, search
from webapp.queries.factors import factors_of_node
from webapp.queries.forecasts import Outlook, outlook
from webapp.queries.insights import stored_id
from webapp.queries.marks import marks
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
    past = asked_past(grain)
    view, left_out = recent(outlook(session, Node.of(request.args), grain=grain), past)
    why = factors_of_node(session, view.run_id, view.node) if view.run_id is not None else None
    possible = dimensions(session, view.node)
    asked = request.args.get("by", "")
    dimension = asked if asked in possible else next(iter(possible), "")
    rows = breakdown(session, view.node, dimension) if dimension else []
    shown = len(rows) if "all" in request.args else MAX_ROWS
    season = f"{grain.season_length} {grain.unit}"
    return render_template(
        "series/page.html",
        view=view,
        node=view.node,
        why=why,
        reasons=reasons_of(why, season),
        season=season,
        trails=trails_of(view.node),
        dimensions=possible,
        dimension=dimension,
        rows=rows[:shown],
        more=max(len(rows) - shown, 0),
        left_out=left_out,
        past=past,
        pasts=PASTS[grain.name],
        longest=SHOWN.get(grain.name),
        overrides=list_overrides(session, OverrideFilter(grain.name, node=view.node), OVERRIDES).items,
        **chart_words(session, view),
        **grain_words(grain),
    )


def chart_words(session: Session, view: Outlook) -> dict[str, Any]:
    """The chart with all that is drawn over it, and the same for the tables beside it."""
    grain, series_id = view.grain, stored_id(session, view.node)
    periods = [point.period for point in (*view.history, *view.forecast)]
    said: list[Earlier] = []
    if series_id is not None and view.as_of is not None:
        said = earlier_forecasts(session, series_id, grain.name, view.as_of)
    asked = said if "earlier" in request.args else []
    found = marks(session, view.node, series_id, grain, (periods[0], periods[-1])) if periods else []
    chart = with_marks(with_earlier(with_final(chart_data(view), view), asked, grain), found, grain)
    return {"chart": chart, "marks": found, "earlier": asked, "has_earlier": bool(said)}


@blueprint.get("/series.csv")
@requires(SALES_READ)
def table_csv() -> ResponseReturnValue:
    """History and forecast of the series as a table to download."""
    view = outlook(db.session(), Node.of(request.args), grain=asked_grain())
    headers = {"Content-Disposition": 'attachment; filename="forecastle-series.csv"'}
    return Response(outlook_csv(view), mimetype="text/csv", headers=headers)


@blueprint.get("/series.xlsx")
@requires(SALES_READ)
def table_xlsx() -> ResponseReturnValue:
    """The same as an Excel workbook."""
    view = outlook(db.session(), Node.of(request.args), grain=asked_grain())
    headers = {"Content-Disposition": 'attachment; filename="forecastle-series.xlsx"'}
    return Response(outlook_xlsx(view), mimetype=FORMATS["xlsx"], headers=headers)


@blueprint.get("/series/search")
@requires(SALES_READ)
def find() -> ResponseReturnValue:
    """Places and products by name, as a page or, while somebody types, as a list."""
    text = request.args.get("q", "").strip()
    nodes = search(db.session(), text, MAX_RESULTS) if text else []
    return render("series/search.html", block="results", nodes=nodes, text=text)
