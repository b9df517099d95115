"""The data sets as a page of documentation: `python -m ml.etl.describe > docs/data-sets.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from ml.etl.datasets import DATASETS, Dataset
from ml.etl.templates import explanations

HEAD = """# Data sets

What can be loaded, and the fields of each. A template to fill in is at `GET /api/v1/datasets/{name}/template`
(`?format=xlsx` for a workbook). This page is made from the code: `python -m ml.etl.describe > docs/data-sets.md`.

Sales are added; every other data set is written by its key: a record that is there already is replaced, field by
field. A field that the file does not map keeps its value, an empty cell clears it. Of rows with one key in a file
the last counts. Products and customers that are referred to and unknown are made with their code alone. The category
that products give wins over what sales say. Any import can be taken back: the records are then as if it had never
been, but for products and customers that other rows refer to, which keep their code, and for customers' names that
invoices filled in.

Public holidays need no file: `POST /api/v1/events/holidays` with a country, a subdivision and years adds them as
events, of a region where you say so.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join([HEAD, *(line for dataset in DATASETS.values() for line in _section(dataset))])


def _section(dataset: Dataset) -> Iterator[str]:
    labels = {field.name: field.label for field in dataset.fields}
    yield f"## {dataset.label} (`{dataset.name}`)\n"
    yield dataset.help
    yield f"Key: {', '.join(labels[name].lower() for name in dataset.key)}.\n" if dataset.key else ""
    header, *rows = explanations(dataset)
    yield _line(("Field", *header))
    yield _line(["---"] * (len(header) + 1))
    for field, row in zip(dataset.fields, rows, strict=True):
        yield _line((f"`{field.name}`", *row))
    yield ""


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(page())
