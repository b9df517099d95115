"""What tests of the web app share beside fixtures: names, and checks of answers."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from ml.db.base import Base

PASSWORD = "correct horse battery"
SECRET = "a secret of tests, of thirty-two characters"
SALES_CSV = (
    "Order Date,Region,State,City,Product ID,Product Name,Sales,Quantity\n"
    "2024-01-03,East,New York,Albany,P-1,Pen,10.50,2\n"
    "2024-01-04,West,Oregon,Salem,P-2,Paper,20.00,1\n"
)

MakeApp = Callable[..., Flask]
Row = TypeVar("Row", bound=Base)
ClientFor = Callable[[str], FlaskClient]


class Rows:
    """Looks at and changes rows, in transactions of its own: on SQLite an open one would lock out the app."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def add(self, *rows: Base) -> None:
        """Write new rows."""
        with self._sessions.begin() as session:
            session.add_all(rows)

    def get(self, kind: type[Row], key: Any) -> Row:
        """The row as it is now."""
        with self._sessions.begin() as session:
            return session.get_one(kind, key)

    def last(self, kind: type[Row]) -> Row:
        """The row with the highest id."""
        with self._sessions.begin() as session:
            return session.scalars(sa.select(kind).order_by(sa.inspect(kind).primary_key[0].desc()).limit(1)).one()

    def all(self, kind: type[Row]) -> list[Row]:
        """All rows, the oldest first."""
        with self._sessions.begin() as session:
            return list(session.scalars(sa.select(kind).order_by(sa.inspect(kind).primary_key[0])))

    def change(self, kind: type[Base], key: Any, **values: Any) -> None:
        """Set some columns of a row."""
        with self._sessions.begin() as session:
            row = session.get_one(kind, key)
            for name, value in values.items():
                setattr(row, name, value)

    def count(self, kind: type[Base]) -> int:
        """How many rows there are."""
        with self._sessions.begin() as session:
            return session.scalar(sa.select(sa.func.count()).select_from(kind)) or 0


def upload(content: str | bytes = SALES_CSV, name: str = "sales.csv", **fields: str) -> dict[str, Any]:
    """Keywords for a POST that uploads a file with some form fields."""
    data = content.encode() if isinstance(content, str) else content
    return {"data": {"file": (io.BytesIO(data), name), **fields}, "content_type": "multipart/form-data"}


def assert_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Check that the answer is a whole problem document of that kind; returns it."""
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    document = answer.get_json()
    assert (answer.status_code, document["type"]) == (status, f"urn:forecastle:problem:{code}"), document
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["X-Request-ID"]
    return document  # type: ignore[no-any-return]
