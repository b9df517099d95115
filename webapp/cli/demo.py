"""`flask --app wsgi demo`: a first user, sales to look at, and their forecast."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click
import sqlalchemy as sa
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from ml.db.imports import Import
from ml.db.session import create_sessions, reading
from ml.etl.datasets import SALES
from ml.settings import ROOT
from webapp.auth.passwords import generate_password
from webapp.cli.errors import plain_errors
from webapp.cli.following import chain, follow_import
from webapp.cli.imports import start
from webapp.extensions import db, redis_client, settings
from webapp.queries.imports import jobs_of_import
from webapp.queries.jobs import JobView
from webapp.services.imports import UploadOptions
from webapp.services.receivables import PositionDraft, set_position
from webapp.services.users import any_users, create_user

EMAIL = "demo@example.com"
LOGIN_FILE = "demo-login.txt"
EARLY, LATE = "demo-sales-1.csv", "demo-sales-2.csv"
KNOWN = ("queued", "running", "loaded")
STOCK = ("products", "suppliers", "supplier_products", "places", "purchase_orders", "job_orders", "stock")
"""Loaded before the last sales: stock levels that come later would have all forecasts made once more."""
RECORDS = ("customers", "invoices", "payments", "cash_items")
"""Data sets that the demo company has beside its sales."""
IN_THE_BANK = PositionDraft("EUR", date(2026, 11, 1), 220_000.0, 200_000.0)
"""Of the demo company, in the morning after its last sale."""


@click.command("demo")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Load this CSV file instead of generated sales.",
)
@with_appcontext
@plain_errors
def demo_command(data: Path | None) -> None:
    """Load demo sales where there are none, follow them to the forecast, and print how to sign in."""
    login = ensure_demo_user(settings().engine.home)
    load(data)
    click.echo(f"\n  Forecastle   http://127.0.0.1:{os.environ.get('PORT', '8000')}\n  {login}\n")


def ensure_demo_user(home: Path) -> str:
    """How to sign in. On an empty database a user is made; the password stays in a file of its owner."""
    file = home / LOGIN_FILE
    if not any_users(db.session()):
        password = read_password(file) or generate_password()
        write_private(file, f"{EMAIL}\n{password}\n")
        create_user(db.session(), EMAIL, password, "admin", "Demo")
    db.session.commit()
    password = read_password(file)
    return f"Sign in with {EMAIL} and {password}" if password else "Sign in with an account that you created."


def read_password(file: Path) -> str:
    """The password that an earlier run left; '' where there is none."""
    return file.read_text().splitlines()[1] if file.is_file() else ""


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)


def load(data: Path | None) -> None:
    """Load what is not there yet, and follow it to the forecast."""
    with reading(create_sessions(db.engine)) as session:
        known = known_import(session, data)
        jobs = jobs_to_forecast(session, known) if known else []
    if known is None:
        if data is not None:
            follow_import(start(data).id)
            return
        with made_up() as folder:
            follow_import(start(folder / EARLY).id)
            load_rest(folder)
        return
    if any(not job.finished for job in jobs):
        click.echo(f"{known.filename} is being loaded already.")
        follow_import(jobs[0].id)
    else:
        click.echo(f"{known.filename} was loaded before; nothing is loaded again.")
    if data is None and known.filename == EARLY:
        with made_up() as folder:
            load_rest(folder)


def jobs_to_forecast(session: Session, known: Import) -> list[JobView]:
    """The jobs that an import led to so far."""
    job_ids = jobs_of_import(session, known.id)
    return chain(session, redis_client(), job_ids[0]) if job_ids else []


def known_import(session: Session, data: Path | None) -> Import | None:
    """The import that makes loading superfluous: of this very file, or where none is named, any."""
    sales = (Import.state.in_(KNOWN), Import.dataset == SALES.name)
    query = sa.select(Import).where(*sales).order_by(Import.id.desc()).limit(1)
    if data is not None:
        with data.open("rb") as file:
            query = query.where(Import.sha256 == hashlib.file_digest(file, "sha256").hexdigest())
    return session.scalars(query).first()


@contextmanager
def made_up() -> Iterator[Path]:
    """A folder with the demo company's files, made in a process of its own, since that takes pandas."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        click.echo("Making up three years of sales of a demo company …")
        command = [sys.executable, "-m", "ml", "demo-data", "--out", str(folder / EARLY), "--records", name]
        made = subprocess.run(  # noqa: S603
            [*command, "--late", str(folder / LATE)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise click.ClickException(f"the demo data could not be made:\n{made.stderr.strip()}")
        yield folder


def load_rest(folder: Path) -> None:
    """The last months come after the first forecast, as they would in use: so what was forecast meets what was sold.

    Nobody has to wait for that: the pages show it when it is there. The sales are last, since it is by them that the
    next start knows that all was asked for.
    """
    for name in (*STOCK, *RECORDS):
        start(folder / f"{name}.csv", UploadOptions(name))
    set_position(db.session(), IN_THE_BANK, EMAIL)
    start(folder / LATE)
