"""Commands of `flask --app wsgi`."""

from __future__ import annotations

from flask import Flask

from webapp.cli.customers import customers
from webapp.cli.demo import demo_command
from webapp.cli.imports import import_command
from webapp.cli.migrations import MigrationCommands
from webapp.cli.users import users


def register(app: Flask) -> None:
    """Add the commands to `app`."""
    for command in (MigrationCommands(app), users, customers, import_command, demo_command):
        app.cli.add_command(command)
