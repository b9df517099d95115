"""Reports of the stock that are kept, and the workbook that comes back."""

from __future__ import annotations

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from ml.errors import DataError
from ml.etl.templates import FORMATS
from webapp.auth import requires, signed_in_user
from webapp.auth.permissions import FORECASTS_MAKE, SALES_READ
from webapp.extensions import artifact_store, db
from webapp.pages.formats import sentence
from webapp.pages.ids import below
from webapp.pages.stock import EACH_PAGE, blueprint
from webapp.queries import stock as queries
from webapp.services import stock_book as book

__all__ = ["blueprint"]

MEDIA = {"html": "text/html; charset=utf-8", "xlsx": FORMATS["xlsx"]}


@blueprint.get("/stock/reports")
@requires(SALES_READ)
def reports() -> ResponseReturnValue:
    """Reports that are kept, and where the workbook comes back."""
    return reports_page()


@blueprint.get("/stock/reports/<id:report_id>")
@requires(SALES_READ)
def report(report_id: int) -> Response:
    """A kept report as a file."""
    row = queries.get_report(db.session(), report_id)
    headers = {"Content-Disposition": f'attachment; filename="{row.filename}"'}
    return Response(artifact_store().get(row.artifact), headers=headers, content_type=MEDIA[row.kind])


@blueprint.post("/stock/reports/upload")
@requires(FORECASTS_MAKE)
def upload() -> ResponseReturnValue:
    """Apply what was changed in the workbook; then what came of it, with what is wrong by cell."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return reports_page("Choose the workbook of a report."), 422
    try:
        done = book.apply_book(db.session(), file.stream, signed_in_user().email)
    except DataError as error:
        db.session.rollback()
        return reports_page(sentence(str(error))), 422
    return reports_page(done=done)


def reports_page(problem: str = "", done: book.Uploaded | None = None) -> str:
    page = queries.list_reports(db.session(), EACH_PAGE, below())
    return render_template("stock/reports.html", page=page, problem=problem, done=done)
