"""No page asks the database more often because there are more rows."""

from __future__ import annotations

from datetime import timedelta

from e2e_filled import add_administration, add_jobs
from e2e_steps import PASSWORD
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from statements import statements

from bench.page_paths import page_paths
from ml.db.base import utc_now
from ml.db.catalog import Customer
from ml.db.imports import Import, Source
from ml.db.keys import hash_key
from webapp.models import User

MORE = 20


def test_statements_do_not_grow_with_rows(filled: tuple[Flask, sessionmaker[Session]]) -> None:
    app, sessions = filled
    client = app.test_client()
    sent = {"email": "admin@example.com", "password": PASSWORD}
    assert client.post("/login", data=sent, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303
    with sessions() as session:
        paths = [path for _, path in page_paths(app, session)]
    before = {path: asked(app, client, path) for path in paths}
    with sessions() as session:
        add_rows(session)
    after = {path: asked(app, client, path) for path in paths}
    assert {path: (before[path], count) for path, count in after.items() if count > before[path]} == {}


def asked(app: Flask, client: FlaskClient, path: str) -> int:
    """How many SELECTs a page takes; once before without counting, for what is kept from then on."""
    client.get(path)
    with statements(app) as found:
        assert client.get(path).status_code < 400, path
    return len(found)


def add_rows(session: Session) -> None:
    """Many more of what lists show."""
    now = utc_now()
    counts = {"rows_total": 9, "rows_loaded": 0, "rows_unchanged": 0, "rows_changed": 0, "rows_rejected": 0}
    same = {"artifact": "", "sha256": "", "size": 1, "dialect": {}, "mapping": {}, "state": "failed", **counts}
    for number in range(MORE):
        code = f"K-{number}"
        session.add_all(
            [
                Customer(key=hash_key(code), code=code, name=code),
                Source(name=f"Source {number}", kind="http", settings={"url": "https://erp.example.com/orders"}),
                Import(filename=f"{number}.csv", finished_at=now - timedelta(hours=number), **same),
                User(email=f"{code}@example.com", name=code, password_hash="none", role_name="viewer"),
            ]
        )
        add_jobs(session)
    add_administration(session, "more")
