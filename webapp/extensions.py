"""The Flask extensions, unbound: `create_app` binds them, and nothing connects before a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flask import Flask, current_app
from flask_compress import Compress
from flask_jwt_extended import JWTManager
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session

import ml.db.tables  # noqa: F401
import webapp.models  # noqa: F401
import worker.models  # noqa: F401
from ml.artifacts import ArtifactStore
from ml.db.base import Base
from ml.db.session import configure
from webapp.quick_redis import QuickRedis
from worker.connection import connect

if TYPE_CHECKING:
    from redis import Redis

    from webapp.config import WebSettings

QUICK_TIMEOUT = 0.2  # for what a request can do without
REDIS_TIMEOUT = 1.0  # seconds; a page shows what the database knows rather than wait for Redis


class WebSession(Session):
    """A session that can join a transaction which somebody else opened."""

    def get_bind(self, *arguments: Any, **options: Any) -> Any:
        """The connection that the session was made for, if any."""
        return self.bind or super().get_bind(*arguments, **options)


# Every module with tables is imported above, so that Base.metadata is complete.
db = SQLAlchemy(metadata=Base.metadata, session_options={"expire_on_commit": False, "class_": WebSession})
jwt = JWTManager()


def init_app(app: Flask, settings: WebSettings) -> None:
    """Bind the extensions to `app`."""
    app.extensions["forecastle"] = settings
    app.extensions["forecastle.redis"] = connect(settings.redis_url, REDIS_TIMEOUT)
    app.extensions["forecastle.quick_redis"] = QuickRedis(connect(settings.redis_url, QUICK_TIMEOUT))
    db.init_app(app)
    with app.app_context():
        configure(db.engine)
    jwt.init_app(app)
    Compress(app)


def settings() -> WebSettings:
    """The settings of the current app."""
    return cast("WebSettings", current_app.extensions["forecastle"])


def redis_client() -> Redis:
    """The current app's client; it connects when it is first used."""
    return cast("Redis", current_app.extensions["forecastle.redis"])


def quick_redis() -> QuickRedis:
    """The current app's Redis for caches and limits."""
    return cast("QuickRedis", current_app.extensions["forecastle.quick_redis"])


def artifact_store() -> ArtifactStore:
    """The store of uploads and models."""
    return ArtifactStore(settings().engine.artifact_url)
