"""The stock report by e-mail."""

from __future__ import annotations

import smtplib
import socket
from datetime import date
from email.message import EmailMessage

import pytest
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Product
from ml.db.restock import PlanRun, StockReport
from ml.db.results import ForecastRun, ModelVersion
from worker.jobs import mail_stock
from worker.jobs.mail_stock import message_of, send
from worker.mail import MailSettings
from worker.runner import TRANSIENT

MAIL = MailSettings("smtp", "mail.example.com", 25, sender="plan@example.com", stock_recipients=("a@x.com", "b@x.com"))


@pytest.fixture
def planned(session: Session, store: ArtifactStore) -> Session:
    """A published plan with both reports."""
    day = date(2024, 7, 1)
    model = ModelVersion(
        model_name="m", model_type="naive", version=1, path="", metrics={}, grain="monthly", location_level="area",
        product_level="product", parameters={}, features=[], data_from=day, data_to=day, series_count=0, checksum="",
        libraries={},
    )  # fmt: skip
    session.add_all([model, Product(key=b"p" * 16, code="P-1")])
    session.flush()
    levels = {"location_level": "area", "product_level": "product"}
    forecast = ForecastRun(grain="monthly", model_id=model.id, as_of=day, horizon=1, **levels)
    session.add(forecast)
    session.flush()
    summary = {"urgent": 2, "warning": 3, "orders": 9, "value": 1234.5}
    run = {"slot": "stock", "state": "published", "forecast_run_id": forecast.id, "summary": summary}
    plan = PlanRun(today=day, grain="monthly", days=90, **run)
    session.add(plan)
    session.flush()
    for kind, content in (("html", b"<p>plan</p>"), ("xlsx", b"PK")):
        path = f"reports/1.{kind}"
        store.put(path, content)
        row = {"run_id": plan.id, "kind": kind, "filename": f"stock-2024-07-01.{kind}"}
        session.add(StockReport(**row, artifact=path, size=len(content)))
    session.commit()
    return session


def test_it_goes_to_everybody_with_page_and_workbook(planned: Session, store: ArtifactStore) -> None:
    message = message_of(planned, store, MAIL, 7)
    assert message is not None
    assert (message["From"], message["To"]) == ("plan@example.com", "a@x.com, b@x.com")
    assert message["Subject"] == "Stock plan of 2024-07-01: 2 urgent, 9 lines to order"
    attached = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    assert attached["stock-2024-07-01.xlsx"] == b"PK"
    assert "plan" in attached["stock-2024-07-01.html"]


def test_its_id_is_the_same_at_each_try_of_a_job(planned: Session, store: ArtifactStore) -> None:
    ids = [message["Message-ID"] for job_id in (7, 7, 8) if (message := message_of(planned, store, MAIL, job_id))]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@example.com>")


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (socket.gaierror("no such host"), True),
        (smtplib.SMTPServerDisconnected("gone"), True),
        (smtplib.SMTPConnectError(421, "come again"), True),
        (smtplib.SMTPDataError(451, "come again"), True),
        (smtplib.SMTPDataError(554, "spam"), False),
        (smtplib.SMTPAuthenticationError(535, "who?"), False),
        (smtplib.SMTPNotSupportedError("no STARTTLS"), False),
    ],
)
def test_what_may_be_gone_next_time_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: OSError, *, transient: bool
) -> None:
    def away(_: MailSettings) -> None:
        raise error

    monkeypatch.setattr(mail_stock, "connection", away)
    with pytest.raises(OSError, match=str(error.args[-1])) as caught:
        send(MAIL, EmailMessage())
    assert isinstance(caught.value, TRANSIENT) == transient


def test_without_a_plan_there_is_nothing_to_send(session: Session, store: ArtifactStore) -> None:
    assert message_of(session, store, MAIL, 7) is None


def test_recipients_are_read_from_the_environment() -> None:
    assert MailSettings.from_env({"FORECASTLE_STOCK_EMAILS": "a@x.com, b@x.com"}).stock_recipients == (
        "a@x.com",
        "b@x.com",
    )
