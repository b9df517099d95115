"""E-mails: their server, and sending what waits, again ever later, for a day."""

from __future__ import annotations

import logging
import smtplib
import ssl
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.db.session import reading
from worker.mail import MailSettings
from worker.models import Notification

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10
FIRST_PAUSE, LONGEST_PAUSE, LASTS = timedelta(minutes=1), timedelta(hours=4), timedelta(days=1)
BATCH = 50
CLAIM = timedelta(minutes=10)

UNWRITABLE = (MessageError, ValueError, IndexError, AttributeError)
"""What the library raises of addresses that it cannot write down ("ann@", "ann@[1")."""


@contextmanager
def connection(settings: MailSettings) -> Iterator[smtplib.SMTP]:
    """A connection to the server: encrypted where it offers that, and always before a password is sent."""
    context = ssl.create_default_context()
    if settings.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_SECONDS)
    with server:
        server.ehlo()
        if settings.scheme == "smtp" and (server.has_extn("starttls") or settings.user):
            server.starttls(context=context)
        if settings.user:
            server.login(settings.user, settings.password)
        yield server


def message_of(row: Notification, sender: str) -> EmailMessage:
    """The e-mail of a notification; its id is the same at each try, so that a second copy can be told."""
    message = EmailMessage()
    message["From"], message["To"] = sender, row.recipient
    message["Subject"] = " ".join(row.subject.split())
    message["Date"] = formatdate(row.created_at.timestamp())
    message["Message-ID"] = f"<notification-{row.id}-{row.created_at:%Y%m%d%H%M%S}@{sender.rpartition('@')[2]}>"
    message.set_content(row.body)
    return message


def send_waiting(sessions: sessionmaker[Session], settings: MailSettings, now: datetime) -> int:
    """Send what is due, each committed by itself; returns how many were sent. While the server is waited for, no
    transaction is open. Of two processes that see the same e-mail one sends it."""
    rows = claim(sessions, now) if settings.host else []
    if not rows:
        return 0
    sent, left = 0, list(rows)
    try:
        with connection(settings) as server:
            while left:
                error = try_to_send(server, left[0], settings.sender)
                note(sessions, left.pop(0), error, now)
                sent += error is None
    except (OSError, smtplib.SMTPException) as error:
        log.warning("e-mails wait: %s:%s: %s", settings.host, settings.port, error)
        for row in left:
            note(sessions, row, f"{type(error).__name__}: {error}", now)
    return sent


def claim(sessions: sessionmaker[Session], now: datetime) -> list[Notification]:
    """Take what is due, so that nobody else sends it for a while; what a process that dies had taken is due again."""
    due = (Notification.state == "waiting", Notification.next_try_at <= now)
    with reading(sessions) as session:
        rows = session.scalars(sa.select(Notification).where(*due).order_by(Notification.id).limit(BATCH)).all()
    if not rows:
        return []
    mine = []
    with sessions.begin() as session:
        for row in rows:
            taken = sa.update(Notification).where(Notification.id == row.id, *due).values(next_try_at=now + CLAIM)
            found = session.execute(taken, execution_options={"synchronize_session": False})
            if cast("sa.CursorResult[Any]", found).rowcount == 1:
                mine.append(row)
    return mine


def try_to_send(server: smtplib.SMTP, row: Notification, sender: str) -> str | None:
    """Send one e-mail; what was wrong with it. Raises where the server itself is gone."""
    try:
        server.send_message(message_of(row, sender))
    except smtplib.SMTPServerDisconnected:
        raise
    except (smtplib.SMTPException, *UNWRITABLE) as error:
        server.rset()
        return f"{type(error).__name__}: {error}"
    return None


def note(sessions: sessionmaker[Session], row: Notification, error: str | None, now: datetime) -> None:
    """Write down how a try ended."""
    doubled: int = 2**row.tries
    when = now + min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
    given_up = error is not None and when > row.created_at + LASTS
    with sessions.begin() as session:
        kept = session.get_one(Notification, row.id)
        kept.tries, kept.error = row.tries + 1, error
        kept.next_try_at = when
        kept.state = "sent" if error is None else "failed" if given_up else "waiting"
        kept.sent_at = now if error is None else None
