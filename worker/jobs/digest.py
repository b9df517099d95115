"""Write what happened in a day, and send it to those who want to know."""

from __future__ import annotations

from typing import Any

from ml.db.base import utc_now
from worker.alerts.digest import write_digest
from worker.context import JobContext
from worker.models import Notification


def run(ctx: JobContext, emails: list[str] | None = None) -> dict[str, Any]:
    """To `emails`, or to whom the settings name; without a mail server only the job itself shows it."""
    settings, now = ctx.settings, utc_now()
    recipients = list(emails or settings.mail.recipients) if settings.mail.host else []
    with ctx.session() as session:
        text = write_digest(session, now, settings.timezone.key, settings.ml.grains)
        title = f"Forecastle on {now.astimezone(settings.timezone):%Y-%m-%d}"
        session.add_all(Notification(recipient=one, subject=title, body=text) for one in recipients)
        return ctx.succeed(session, {"told": len(recipients), "digest": text})
