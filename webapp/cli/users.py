"""`flask --app wsgi users …`: accounts from the command line."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from webapp.auth.passwords import generate_password
from webapp.auth.permissions import PERMISSIONS
from webapp.cli.errors import plain_errors
from webapp.extensions import db
from webapp.services.users import create_user

users = AppGroup("users", help="Accounts.")


@users.command("create")
@click.option("--email", required=True, help="The address to sign in with.")
@click.option("--role", required=True, type=click.Choice(list(PERMISSIONS)), help="What the account may do.")
@click.option("--name", default="", help="The name to show; the address' first part by default.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@plain_errors
def create(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create an account; a generated password is printed once."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else generate_password()
    user = create_user(db.session(), email, password, role, name)
    click.echo(f"Created {user.email} with the role {role}.")
    if not password_stdin:
        click.echo(f"Password: {password}")
