"""Which answer each error gets."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask
from redis.exceptions import ConnectionError as RedisConnectionError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from ml import errors
from webapp.errors import FieldError, InvalidRequestError, TooManyAttemptsError, problem_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.NotFoundError("x"), 404, "not-found"),
        (errors.ConflictError("x"), 409, "conflict"),
        (errors.NotEnoughHistoryError(2, 3), 409, "not-enough-history"),
        (errors.NoChampionError("x"), 409, "no-champion"),
        (errors.MappingError("x"), 422, "bad-mapping"),
        (errors.SourceError("x"), 422, "unreadable-source"),
        (errors.DataError("x"), 422, "bad-data"),
        (errors.ConfigurationError("x"), 500, "configuration"),
        (errors.ArtifactError("x"), 500, "bad-artifact"),
        (NotFound(), 404, "not-found"),
        (MethodNotAllowed(["GET"]), 405, "method-not-allowed"),
        (sa.exc.OperationalError("SELECT secret", {}, Exception("away")), 503, "unavailable"),
        (sa.exc.TimeoutError("pool"), 503, "unavailable"),
        (RedisConnectionError("away"), 503, "unavailable"),
        (ZeroDivisionError("secret"), 500, "internal"),
    ],
)
def test_error_has_its_status_and_stable_code(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    assert problem.title
    assert problem.detail


def test_every_error_of_the_engine_is_answered_with_its_own_message() -> None:
    for kind in errors.ForecastleError.__subclasses__():
        if kind.__module__ == "ml.errors" and kind is not errors.NotEnoughHistoryError:
            assert problem_of(kind("what, where, remedy")).detail == "what, where, remedy"


@pytest.mark.parametrize(
    "error", [sa.exc.OperationalError("SELECT secret", {}, Exception("secret")), KeyError("secret")]
)
def test_what_nobody_foresaw_gives_nothing_away(error: Exception) -> None:
    assert "secret" not in problem_of(error).detail


def test_fields_are_listed() -> None:
    problem = problem_of(InvalidRequestError([FieldError("periods", "too many"), FieldError("region", "too long")]))
    assert "periods, region" in problem.detail
    with Flask("test").test_request_context():
        assert problem.document()["errors"][0] == {"field": "periods", "message": "too many"}


def test_headers_say_when_to_come_back_and_what_is_allowed() -> None:
    assert problem_of(TooManyAttemptsError(8)).headers["Retry-After"] == "8"
    assert problem_of(MethodNotAllowed(["GET", "HEAD"])).headers["Allow"] == "GET, HEAD"
    assert isinstance(MethodNotAllowed(), HTTPException)
