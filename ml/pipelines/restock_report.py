"""The reports of the published plan, written and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.restock import StockReport
from ml.progress import Progress, silent
from ml.reports.stock import read_report
from ml.reports.stock_book import write_book
from ml.reports.stock_page import write_page

FOLDER = "reports"
KINDS = ("html", "xlsx")


@dataclass(frozen=True)
class ReportResult:
    """The files that were written, by kind, and how much is in them."""

    run_id: int
    files: dict[str, str]
    lines: int
    urgent: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


def report_stock(session: Session, store: ArtifactStore, progress: Progress = silent) -> ReportResult:
    """Write page and workbook of the published plan; those of the same plan are replaced. The caller commits.

    Raises DataError before there is a plan.
    """
    progress("reading the plan")
    report = read_report(session)
    session.commit()
    files = {}
    for kind in KINDS:
        progress(f"writing {kind}")
        content = write_page(report).encode() if kind == "html" else write_book(report)
        filename = f"stock-{report.today}.{kind}"
        files[kind] = f"{FOLDER}/stock-{report.run_id}.{kind}"
        store.put(files[kind], content)
        session.execute(sa.delete(StockReport).where(StockReport.run_id == report.run_id, StockReport.kind == kind))
        row = {"run_id": report.run_id, "kind": kind, "filename": filename}
        session.add(StockReport(**row, artifact=files[kind], size=len(content)))
    return ReportResult(report.run_id, files, len(report.lines), len(report.urgent))
