"""The data sets: described as they are, and with templates that are understood as they stand."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from ml.errors import DataError
from ml.etl.datasets import DATASETS
from ml.etl.describe import page
from ml.etl.mapping import guess
from ml.etl.templates import csv_template, template

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-sets.md"


def test_the_documentation_is_made_from_the_code() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page(), "run: python -m ml.etl.describe > docs/data-sets.md"


@pytest.mark.parametrize("name", DATASETS)
def test_the_columns_of_a_template_are_guessed(name: str) -> None:
    dataset = DATASETS[name]
    rows = list(csv.DictReader(io.StringIO(csv_template(dataset))))
    found = guess(list(rows[0]), rows, dataset)
    expected = {field.name: field.label for field in dataset.fields if (name, field.name) != ("sales", "line_ref")}
    assert found == expected, "a line id is never guessed for sales"


def test_a_template_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(DataError, match="'pdf'"):
        template(DATASETS["sales"], "pdf")
