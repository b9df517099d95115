"""Send the reports of the published stock plan by e-mail."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.restock import PlanRun, StockReport
from worker.alerts.mail import connection
from worker.context import JobContext
from worker.mail import MailSettings

TYPES = {"html": ("text", "html"), "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")}


def run(ctx: JobContext) -> dict[str, Any]:
    """Send page and workbook to FORECASTLE_STOCK_EMAILS; nothing where no server, nobody or no plan is there."""
    settings = ctx.settings.mail
    if not settings.host or not settings.stock_recipients:
        return {"skipped": "no e-mail server, or nobody in FORECASTLE_STOCK_EMAILS"}
    with ctx.session() as session:
        message = message_of(session, ctx.store, settings, ctx.job_id)
    if message is None:
        return {"skipped": "there is no report of a stock plan"}
    ctx.progress("sending")
    refused = send(settings, message)
    return {"sent": len(settings.stock_recipients) - len(refused), "refused": refused}


def send(settings: MailSettings, message: EmailMessage) -> list[str]:
    """Send it; who was refused. Raises ConnectionError, for which the job is tried again, where the server may take it
    next time."""
    try:
        with connection(settings) as server:
            return sorted(server.send_message(message))
    except OSError as error:
        if is_passing(error):
            where = f"{settings.host}:{settings.port}"
            raise ConnectionError(f"the e-mail server {where} cannot take the report now: {error}") from error
        raise


def is_passing(error: OSError) -> bool:
    """Whether the server was not reached, hung up, or said to come again."""
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500  # from there on it is for good
    return isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException)


def message_of(session: Session, store: ArtifactStore, settings: MailSettings, job_id: int) -> EmailMessage | None:
    """The e-mail with its attachments; its id is the same at each try of a job, so that a second copy can be told."""
    query = sa.select(PlanRun, StockReport).join(StockReport, StockReport.run_id == PlanRun.id)
    found = session.execute(query.where(PlanRun.slot == "stock").order_by(StockReport.kind)).all()
    if not found:
        return None
    run, summary = found[0][0], found[0][0].summary
    message = EmailMessage()
    message["From"], message["To"] = settings.sender, ", ".join(settings.stock_recipients)
    message["Subject"] = f"Stock plan of {run.today}: {summary['urgent']} urgent, {summary['orders']} lines to order"
    message["Date"] = formatdate()
    message["Message-ID"] = f"<stock-plan-{run.id}-{job_id}@{settings.sender.rpartition('@')[2]}>"
    message.set_content(
        f"{summary['urgent']} items are urgent, {summary['warning']} have a warning.\n"
        f"{summary['orders']} lines are to be ordered, worth {summary['value']:,.0f}.\n\n"
        "The page is for reading and printing. What you change in the workbook's sheet Orders can be uploaded again.\n"
    )
    for _, report in found:
        main, sub = TYPES[report.kind]
        message.add_attachment(store.get(report.artifact), maintype=main, subtype=sub, filename=report.filename)
    return message
