"""Whether the product is ready to work: what it needs, and what of it answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import redis
import sqlalchemy as sa
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.models import Role
from worker import health

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """One thing that is needed, whether it is there, and if not, what to do."""

    name: str
    ok: bool
    detail: str = ""


def check_all(session: Session, client: redis.Redis) -> list[Check]:
    """The database, Redis, and a worker seen lately."""
    return [check_database(session), *check_redis_and_worker(client)]


def check_database(session: Session) -> Check:
    """Whether the database answers and was migrated."""
    try:
        roles = session.scalar(sa.select(sa.func.count()).select_from(Role))
    except SQLAlchemyError as error:
        log.warning("the database is not ready: %s", error)
        session.rollback()
        return Check("database", False, "it does not answer or was not migrated; run: flask --app wsgi db upgrade")
    return Check("database", True) if roles else Check("database", False, "it holds no roles; migrate it again")


def check_redis_and_worker(client: redis.Redis) -> list[Check]:
    """Whether Redis answers, and knows of a worker."""
    try:
        seen = health.seen(client, "worker")
    except RedisError as error:
        log.warning("Redis is not ready: %s", error)
        return [Check("redis", False, "it does not answer"), Check("worker", False, "unknown while Redis is down")]
    detail = "" if seen else f"none was seen in the last {health.SEEN_SECONDS} seconds"
    return [Check("redis", True), Check("worker", seen, detail)]
