"""`flask --app wsgi import FILE`: load a CSV file, by the same service as the page and the API."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from webapp.cli.errors import plain_errors
from webapp.cli.following import follow_import
from webapp.extensions import artifact_store, db
from webapp.services.imports import import_file
from worker.models import JobRun

USER = "command line"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Read a field from this column.")
@click.option("--wait", is_flag=True, help="Follow it until the forecast is published.")
@with_appcontext
@plain_errors
def import_command(file: Path, pairs: tuple[str, ...], wait: bool) -> None:
    """Load the sales of a CSV file; columns are guessed where --map does not name them."""
    job = start(file, parse_pairs(pairs))
    if wait:
        follow_import(job.id)
        click.echo("The forecast is up to date.")


def start(file: Path, overrides: dict[str, str]) -> JobRun:
    """Keep the file and ask for the job that loads it."""
    with file.open("rb") as content:
        row, job = import_file(db.session(), artifact_store(), content, file.name, USER, overrides=overrides)
    db.session.commit()
    columns = ", ".join(f"{field} from {column!r}" for field, column in row.mapping.items())
    click.echo(f"{row.filename} is import {row.id}, loaded by job {job.id}: {columns}.")
    return job


def parse_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    """`field=Column` options as a mapping; an empty column leaves its field out."""
    split = [pair.partition("=") for pair in pairs]
    if wrong := [field for field, equals, _ in split if not equals or not field]:
        raise click.BadParameter(f"{wrong[0]!r} is no FIELD=COLUMN, such as sale_date='Order Date'", param_hint="--map")
    return {field.strip(): column.strip() for field, _, column in split}
