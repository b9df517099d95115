"""Commands of `flask --app wsgi`."""

from __future__ import annotations

from flask import Flask

from webapp.cli.migrations import MigrationCommands
from webapp.cli.users import users


def register(app: Flask) -> None:
    """Add the commands to `app`."""
    app.cli.add_command(MigrationCommands(app))
    app.cli.add_command(users)
