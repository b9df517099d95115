"""`flask --app wsgi customers …`: what the law asks for, from the command line."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from webapp.cli.errors import plain_errors
from webapp.extensions import artifact_store, db
from webapp.services.erasure import erase

customers = AppGroup("customers", help="Customers.")


@customers.command("erase")
@click.argument("customer")
@click.option("--yes", is_flag=True, help="Do not ask.")
@plain_errors
def erase_command(customer: str, yes: bool) -> None:
    """Erase what is known of CUSTOMER (an id or a code) as a person; sales stay, without a name."""
    if not yes:
        click.confirm(f"Erase customer {customer!r}? This cannot be taken back", abort=True)
    result = erase(db.session(), artifact_store(), customer)
    click.echo(
        f"Customer {result.customer_id} is {result.code} now. Deleted: {result.files} files, "
        f"{result.rejected_rows} rejected rows, {result.versions} older versions; emptied: {result.notes} notes, "
        f"{result.log_entries} log entries."
    )
