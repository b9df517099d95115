"""`flask --app wsgi db …`: the migrations, by Flask-Migrate, loaded only when they are called."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask

from ml.settings import ROOT
from webapp.extensions import db


class MigrationCommands(click.Command):
    """Stands for Flask-Migrate's own group: importing it with Alembic takes a fifth of the
    web's start, and requests never need it."""

    def __init__(self, app: Flask) -> None:
        super().__init__("db", help="Migrate the database.")
        self.app = app

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """The context of the real group, which has taken this one's place by then."""
        from flask_migrate import Migrate  # noqa: PLC0415

        Migrate(self.app, db, directory=str(ROOT / "migrations"))
        return self.app.cli.commands["db"].make_context(*args, **extra)
