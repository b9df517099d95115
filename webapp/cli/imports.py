"""`flask --app wsgi import FILE`: load a file, by the same service as the page and the API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from ml.etl.datasets import DATASETS, get_dataset
from ml.etl.rules import rules
from webapp.cli.errors import plain_errors
from webapp.cli.following import follow_import, follow_job
from webapp.extensions import artifact_store, db
from webapp.services.imports import AS_FOUND, UploadOptions, import_file
from worker.models import JobRun

USER = "command line"


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--map", "pairs", multiple=True, metavar="FIELD=COLUMN", help="Read a field from this column.")
@click.option("--dataset", type=click.Choice(list(DATASETS)), help="What the file holds; sales by default.")
@click.option("--source", default="", metavar="NAME", help="Take mapping and checks of this source.")
@click.option("--sheet", default="", help="The sheet of a workbook.")
@click.option("--dry-run", is_flag=True, help="Check the file and say what would happen; load nothing.")
@click.option("--wait", is_flag=True, help="Follow it until the forecast is published.")
@with_appcontext
@plain_errors
def import_command(
    file: Path, *, pairs: tuple[str, ...], dataset: str | None, source: str, sheet: str, dry_run: bool, wait: bool
) -> None:
    """Load a CSV, Excel, JSON lines or Parquet file; columns are guessed where --map does not name them."""
    mapping = parse_pairs(pairs)
    job = start(file, UploadOptions(dataset or "", source, mapping, sheet=sheet), dry_run=dry_run)
    if dry_run:
        tell_dry_run(follow_job(job.id))
    elif wait:
        follow_import(job.id)
        click.echo("The forecast is up to date.")


def start(file: Path, options: UploadOptions = AS_FOUND, *, dry_run: bool = False) -> JobRun:
    """Keep the file and ask for the job that loads it, or only checks it."""
    with file.open("rb") as content:
        row, job = import_file(
            db.session(), artifact_store(), content, file.name, USER, options=options, dry_run=dry_run
        )
    db.session.commit()
    found = rules(row.mapping, get_dataset(row.dataset))
    done, columns = "checked" if dry_run else "loaded", told({field: str(rule) for field, rule in found.items()})
    click.echo(f"{row.filename} is import {row.id}, {done} by job {job.id}: {columns}.")
    return job


def told(found: Mapping[str, str]) -> str:
    """Where fields come from; columns that bear a field's own name are only counted."""
    renamed = [f"{field} from {rule}" for field, rule in found.items() if rule != f"'{field}'"]
    if len(renamed) < len(found):
        renamed.append(f"{len(found) - len(renamed)} by their own names")
    return ", ".join(renamed)


def tell_dry_run(result: dict[str, Any]) -> None:
    """What loading the file would do, a line for each figure."""
    click.echo("Nothing was loaded. Loading it would give:")
    for name, value in result.items():
        text = "; ".join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"  {name.replace('_', ' ')}: {text}")


def parse_pairs(pairs: tuple[str, ...]) -> dict[str, str]:
    """`field=Column` options as a mapping; an empty column leaves its field out."""
    split = [pair.partition("=") for pair in pairs]
    if wrong := [field for field, equals, _ in split if not equals or not field]:
        raise click.BadParameter(f"{wrong[0]!r} is no FIELD=COLUMN, such as sale_date='Order Date'", param_hint="--map")
    return {field.strip(): column.strip() for field, _, column in split}
