"""Errors on the command line: one sentence instead of a traceback."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from ml.errors import ForecastleError
from webapp.errors import UNAVAILABLE, FieldError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def plain_errors(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make a command fail with the message of an error that a user can act on."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return command(*args, **kwargs)
        except ForecastleError as error:
            raise click.ClickException(message_of(error)) from error
        except UNAVAILABLE as error:
            raise click.ClickException(
                f"the database or Redis does not answer, or the database was not migrated: {error.args[0]}\n"
                "Start everything with `make run`, or migrate with: flask --app wsgi db upgrade"
            ) from error

    return run


def message_of(error: ForecastleError) -> str:
    """The error's message, and below it what is wrong with which field."""
    fields: list[FieldError] = list(getattr(error, "errors", []))
    return "\n".join([str(error), *(f"  {field.field}: {field.message}" for field in fields)])
