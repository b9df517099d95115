"""Fixtures of the web app: an app on a real database and a real Redis, and people who use it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from quick_apps import keep_builders, keep_templates
from sqlalchemy.orm import Session, sessionmaker
from web_fixtures import PASSWORD, SECRET, ClientFor, MakeApp, Rows

from ml.db.base import utc_now
from webapp import create_app
from webapp.auth import CurrentUser
from webapp.auth.cookies import set_sign_in
from webapp.auth.csrf import token_of
from webapp.auth.opaque import REFRESH, new_token, token_hash
from webapp.auth.passwords import hash_password
from webapp.auth.permissions import PERMISSIONS
from webapp.auth.tokens import access_token
from webapp.extensions import db
from webapp.models import LoginSession, RefreshToken, Role, User


@pytest.fixture(scope="session", autouse=True)
def _quick_apps() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        keep_builders(patch)
        yield


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Hashing is slow by design, so the tests' users share one hash."""
    return hash_password(PASSWORD)


@pytest.fixture
def make_app(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[MakeApp]:
    """Builds apps on the test's database; keywords replace settings."""
    apps: list[Flask] = []

    def make(**env: str) -> Flask:
        defaults = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "FORECASTLE_HOME": str(tmp_path),
            "SECRET_KEY": SECRET,
        }
        app = create_app({**defaults, **env})
        keep_templates(app)
        apps.append(app)
        return app

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def rows(sessions: sessionmaker[Session]) -> Rows:
    """The database beside the app."""
    return Rows(sessions)


@pytest.fixture
def app(make_app: MakeApp, rows: Rows) -> Flask:
    """The app, with the roles that the first migration adds."""
    rows.add(*(Role(name=name, description=name) for name in PERMISSIONS))
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody who did not sign in."""
    return app.test_client()


@pytest.fixture
def make_user(app: Flask, rows: Rows, password_hash: str) -> Callable[[str], User]:
    """Gives the user of a role, `<role>@example.com`."""
    users: dict[str, User] = {}

    def make(role: str) -> User:
        if role not in users:
            users[role] = User(
                email=f"{role}@example.com", name=role.title(), password_hash=password_hash, role_name=role
            )
            rows.add(users[role])
        return users[role]

    return make


@pytest.fixture
def open_sign_in(make_user: Callable[[str], User], rows: Rows) -> Callable[[str], LoginSession]:
    """Opens a sign-in of the user of a role."""

    def open_one(role: str) -> LoginSession:
        user = make_user(role)
        login = LoginSession(id=uuid.uuid4().hex, user_id=user.id, expires_at=utc_now() + timedelta(hours=1))
        rows.add(login)
        return rows.get(LoginSession, login.id)

    return open_one


@pytest.fixture
def api(app: Flask, open_sign_in: Callable[[str], LoginSession]) -> ClientFor:
    """A client of the API that sends the token of a user of the given role."""

    def client_for(role: str) -> FlaskClient:
        user = CurrentUser.of(open_sign_in(role))
        client = app.test_client()
        with app.test_request_context():
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {access_token(user)}"
        return client

    return client_for


@pytest.fixture
def browser(app: Flask, open_sign_in: Callable[[str], LoginSession], rows: Rows) -> ClientFor:
    """A browser with the cookies of a user of the given role; it sends the CSRF token as htmx does."""

    def client_for(role: str) -> FlaskClient:
        login = open_sign_in(role)
        client = app.test_client()
        with app.test_request_context():
            response = app.response_class()
            token = new_token(REFRESH)
            rows.add(RefreshToken(session_id=login.id, token_hash=token_hash(token)))
            set_sign_in(response, CurrentUser.of(login), token)
            for header in response.headers.getlist("Set-Cookie"):
                name, _, value = header.partition(";")[0].partition("=")
                client.set_cookie(name, value)
            client.environ_base["HTTP_X_CSRF_TOKEN"] = token_of(login.id)
        return client

    return client_for
