"""A series at any level: its chart, its table, what is inside it, and the way there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import fsum
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from ml.errors import NotEnoughHistoryError
from ml.etl.templates import FORMATS
from ml.explain.decomposition import Decomposition
from ml.grains import MONTHLY, Grain
from webapp.auth import requires
from webapp.auth.permissions import SALES_READ
from webapp.extensions import db
from webapp.pages.charts import chart_data, with_earlier, with_final, with_marks
from webapp.pages.grains import PASTS, SHOWN, asked_grain, asked_past, grain_words, recent
from webapp.pages.plots import sparkline
from webapp.pages.reasons import reasons_of
from webapp.pages.render import render
from webapp.pages.tables import outlook_csv, outlook_xlsx
from webapp.pages.trails import trails_of
from webapp.queries.earlier import Earlier, earlier_forecasts
from webapp.queries.explore import breakdown, dimensions, search
from webapp.queries.factors import factors_of_node
from webapp.queries.forecasts import Outlook, outlook
from webapp.queries.insights import decomposition, stored_id
from webapp.queries.issued import issued_accuracy
from webapp.queries.marks import marks
from webapp.queries.nodes import Node
from webapp.queries.overrides import OverrideFilter, list_overrides

PART_SIZE = (640, 56)

blueprint = Blueprint("series", __name__)


@dataclass(frozen=True)
class Parts:
    """Trend, season, events and residual of a series by period; they add up to its sales."""

    periods: Sequence[date]
    sales: Sequence[float]
    found: Decomposition

    @property
    def lines(self) -> list[tuple[str, Sequence[float], str]]:
        """The name, the values and the path of each part that is not zero throughout."""
        named = [(name, getattr(self.found, name)) for name in ("trend", "season", "events", "residual")]
        width, height = PART_SIZE
        drawn = [(name, values, sparkline(values, width, height)) for name, values in named if any(values)]
        return [(name, values, line.path) for name, values, line in drawn if line is not None]


MAX_RESULTS = 20
MAX_ROWS = 25
OVERRIDES = 5


@blueprint.get("/series")
@requires(SALES_READ)
def show() -> ResponseReturnValue:
    """The series that the query names; without names, all sales."""
    session, grain = db.session(), asked_grain()
    past = asked_past(grain)
    whole = outlook(session, Node.of(request.args), grain=grain)
    view, left_out = recent(whole, past)
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
        growth=growth(whole),
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
    periods = [point.period for point in view.history] + [point.period for point in view.forecast]
    said: list[Earlier] = []
    if series_id is not None and view.as_of is not None:
        said = earlier_forecasts(session, series_id, grain.name, view.as_of)
    asked = said if "earlier" in request.args else []
    found = marks(session, view.node, series_id, grain, (periods[0], periods[-1])) if periods else []
    chart = with_marks(with_earlier(with_final(chart_data(view), view), asked, grain), found, grain)
    issued = None if series_id is None else issued_accuracy(session, series_id, grain.name)
    return {
        "chart": chart,
        "marks": found,
        "earlier": asked,
        "has_earlier": bool(said),
        "issued": issued,
        "has_parts": grain is MONTHLY and series_id is not None,
        "parts": parts_of(session, series_id) if grain is MONTHLY and "parts" in request.args else None,
    }


def parts_of(session: Session, series_id: int | None) -> Parts | None:
    """What a stored series is made of by months; None where none is stored, or it is too short. A thousand days would
    take seconds: the API gives them."""
    if series_id is None:
        return None
    try:
        _, periods, sales, found = decomposition(session, series_id)
    except NotEnoughHistoryError:
        return None
    return Parts(periods, sales, found)


def growth(view: Outlook) -> float | None:
    """How much more is expected than was sold in the same periods a season before; None where not all is known."""
    grain = view.grain
    sold = {point.period: point.sales for point in view.history if not point.partial}
    before = [sold.get(grain.shift(point.period, -seasons(grain, view))) for point in view.forecast]
    known = [value for value in before if value is not None]
    if len(known) < len(before) or sum(known) <= 0:
        return None
    return fsum(point.final for point in view.forecast) / fsum(known) - 1


def seasons(grain: Grain, view: Outlook) -> int:
    """Periods of as many seasons as the forecast reaches ahead."""
    return grain.season_length * -(-len(view.forecast) // grain.season_length)


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
