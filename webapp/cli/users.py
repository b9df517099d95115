"""`flask --app wsgi users …`: accounts from the command line."""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from ml.errors import ForecastleError
from webapp.auth.passwords import generate_password
from webapp.auth.permissions import PERMISSIONS
from webapp.errors import InvalidRequestError
from webapp.extensions import db
from webapp.services.users import create_user

users = AppGroup("users", help="Accounts.")


@users.command("create")
@click.option("--email", required=True, help="The address to sign in with.")
@click.option("--role", required=True, type=click.Choice(list(PERMISSIONS)), help="What the account may do.")
@click.option("--name", default="", help="The name to show; the address' first part by default.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Create an account; a generated password is printed once."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else generate_password()
    try:
        user = create_user(db.session(), email, password, role, name)
    except InvalidRequestError as error:
        raise click.ClickException("; ".join(item.message for item in error.errors)) from None
    except ForecastleError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Created {user.email} with the role {role}.")
    if not password_stdin:
        click.echo(f"Password: {password}")
