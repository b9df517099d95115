"""Webhooks: signed, sent again, told once, kept out of inner networks."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import ClientFor, MakeApp, Rows, assert_problem

from ml.db.base import utc_now
from ml.etl.sources.addresses import Guard
from ml.secrets import generate_key
from worker import outbox
from worker.context import Services
from worker.events import JobFailed, record
from worker.jobs import deliver
from worker.lifecycle import Attempt
from worker.models import JobRun, WebhookDelivery, WebhookEndpoint
from worker.runner import execute
from worker.webhooks.outgoing import LONGEST_PAUSE, pause_after

WEBHOOKS = "/api/v1/webhooks"
BODY = {"url": "https://93.184.216.34/hook", "events": ["job.failed"]}


@dataclass
class Receiver:
    """What a server of ours was sent, and what it answers."""

    url: str
    status: int = 200
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append((dict(self.headers), body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def key() -> str:
    return generate_key()


@pytest.fixture
def operator(make_app: MakeApp, api: ClientFor, key: str) -> FlaskClient:
    """An operator; the operator of the machine allows addresses of this one."""
    token = api("operator").environ_base["HTTP_AUTHORIZATION"]
    client = make_app(FORECASTLE_SECRET_KEY=key, FORECASTLE_ALLOWED_HOSTS="127.0.0.1").test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = token
    return client


@pytest.fixture
def work(services: Services, sessions: sessionmaker[Session], key: str) -> Callable[[], None]:
    """Handles the events, then runs each job that is due, as relay and worker do."""
    ml = replace(services.settings.ml, secret_keys=(key,), allowed_hosts=("127.0.0.1",))
    own = replace(services, settings=replace(services.settings, ml=ml))

    def run() -> None:
        outbox.process(sessions)
        due = sa.select(JobRun.id, JobRun.attempt).where(JobRun.kind == "deliver", JobRun.state == "queued")
        with sessions() as session:
            jobs = session.execute(due.where(JobRun.run_after <= utc_now())).all()
        for job_id, attempt in jobs:
            execute(Attempt(job_id, attempt), own)

    return run


def fail_a_job(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        record(session, JobFailed(job_id=9, kind="refresh", error="no space left"))


def signatures(headers: dict[str, str], body: bytes, *secrets: str) -> list[bool]:
    timestamp, *found = (part.partition("=")[2] for part in headers["Forecastle-Signature"].split(","))
    signed = f"{timestamp}.".encode() + body
    return [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() in found for secret in secrets]


def test_an_event_is_told_once_and_signed(
    operator: FlaskClient, receiver: Receiver, work: Callable[[], None], sessions: sessionmaker[Session], rows: Rows
) -> None:
    made = operator.post(WEBHOOKS, json={**BODY, "url": receiver.url}).json
    operator.post(WEBHOOKS, json={"url": receiver.url, "events": ["forecast.published"]})
    fail_a_job(sessions)
    work()
    work()
    [(headers, body)] = receiver.got
    assert signatures(headers, body, made["secret"], "another") == [True, False]
    told = json.loads(body)
    assert (told["type"], headers["Forecastle-Event"]) == ("job.failed", "job.failed")
    assert told["data"] == {"job_id": 9, "kind": "refresh", "error": "no space left"}
    [log] = operator.get(f"{WEBHOOKS}/{made['id']}/deliveries").json["items"]
    assert (log["state"], log["status"], log["tries"], log["body"]) == ("delivered", 200, 1, body.decode())
    assert made["secret"] not in rows.get(WebhookEndpoint, made["id"]).secret
    assert "secret" not in operator.get(f"{WEBHOOKS}/{made['id']}").json


def test_what_fails_is_tried_for_a_day_and_can_be_sent_again(
    operator: FlaskClient, receiver: Receiver, work: Callable[[], None], sessions: sessionmaker[Session], rows: Rows
) -> None:
    made = operator.post(WEBHOOKS, json={**BODY, "url": receiver.url}).json
    receiver.status = 500
    fail_a_job(sessions)
    work()
    delivery = rows.last(WebhookDelivery)
    assert (delivery.state, delivery.status, delivery.tries) == ("waiting", 500, 1)
    assert rows.last(JobRun).run_after > utc_now() + timedelta(seconds=20)
    assert_problem(operator.post(f"{WEBHOOKS}/deliveries/{delivery.id}/replay"), 409, "conflict")
    rows.change(WebhookDelivery, delivery.id, created_at=utc_now() - timedelta(days=1))
    rows.change(JobRun, rows.last(JobRun).id, run_after=utc_now())
    work()
    assert rows.get(WebhookDelivery, delivery.id).state == "failed"

    receiver.status = 204
    again = operator.post(f"{WEBHOOKS}/deliveries/{delivery.id}/replay")
    assert again.status_code == 202
    work()
    assert rows.get(WebhookDelivery, again.json["id"]).state == "delivered"
    assert [json.loads(body)["id"] for _, body in receiver.got] == [delivery.event_id] * 3
    assert operator.get(f"{WEBHOOKS}/{made['id']}/deliveries?state=failed").json["items"][0]["id"] == delivery.id


def test_an_answer_that_stops_halfway_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection = server.accept()[0]
            stalled.append(connection)
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")

        stalled: list[socket.socket] = []
        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        status, error = deliver.send(url, {}, b"{}", Guard(("127.0.0.1",)))
        thread.join()
        stalled[0].close()
    assert status is None
    assert error is not None
    assert error.startswith("ReadTimeoutError")


def test_a_delivery_whose_job_fails_is_tried_again_and_tells_nobody_of_that(
    operator: FlaskClient, work: Callable[[], None], sessions: sessionmaker[Session], rows: Rows
) -> None:
    operator.post(WEBHOOKS, json=BODY)
    fail_a_job(sessions)
    with sessions.begin() as session:
        session.execute(sa.update(WebhookEndpoint).values(secret="not encrypted"))
    work()
    work()
    [delivery] = rows.all(WebhookDelivery)
    assert (delivery.state, delivery.tries) == ("waiting", 1)
    assert delivery.error
    assert delivery.next_try_at > utc_now()
    jobs = [job.state for job in rows.all(JobRun) if job.kind == "deliver"]
    assert jobs == ["failed", "queued"]


def test_both_secrets_sign_while_one_is_replaced(
    operator: FlaskClient, receiver: Receiver, work: Callable[[], None], sessions: sessionmaker[Session]
) -> None:
    old = operator.post(WEBHOOKS, json={**BODY, "url": receiver.url}).json
    new = operator.post(f"{WEBHOOKS}/{old['id']}/secret", json={"hours": 1}).json
    fail_a_job(sessions)
    work()
    assert signatures(*receiver.got[-1], old["secret"], new["secret"]) == [True, True]
    newest = operator.post(f"{WEBHOOKS}/{old['id']}/secret", json={"hours": 0}).json
    fail_a_job(sessions)
    work()
    assert signatures(*receiver.got[-1], new["secret"], newest["secret"]) == [False, True]


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/x", "http://[::1]/x", "http://169.254.169.254/x", "ftp://a.example/x"]
)
def test_inner_addresses_are_refused(operator: FlaskClient, rows: Rows, url: str) -> None:
    answer = operator.post(WEBHOOKS, json={**BODY, "url": url})
    assert assert_problem(answer, 422, "invalid-request")["errors"][0]["field"] == "url"
    assert rows.count(WebhookEndpoint) == 0


def test_one_is_changed_under_its_tag_switched_off_and_deleted(
    operator: FlaskClient, receiver: Receiver, work: Callable[[], None], sessions: sessionmaker[Session]
) -> None:
    made = operator.post(WEBHOOKS, json={**BODY, "url": receiver.url}).json
    path = f"{WEBHOOKS}/{made['id']}"
    tag = operator.get(path).headers["ETag"]
    off = {**BODY, "url": receiver.url, "active": False}
    assert operator.put(path, json=off, headers={"If-Match": tag}).status_code == 200
    assert_problem(operator.put(path, json=off, headers={"If-Match": tag}), 412, "changed-meanwhile")
    fail_a_job(sessions)
    work()
    assert receiver.got == []
    assert operator.delete(path).status_code == 204
    assert_problem(operator.get(path), 404, "not-found")


def test_others_may_not_even_look(api: ClientFor) -> None:
    assert_problem(api("planner").get(WEBHOOKS), 403, "forbidden")


def test_pauses_grow_to_hours() -> None:
    pauses = [pause_after(tries) for tries in range(1, 15)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=30), LONGEST_PAUSE)
