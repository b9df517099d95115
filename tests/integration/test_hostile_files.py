"""Hostile files are refused, or loaded with their bad rows listed, within memory; nothing else ever happens.

A sample runs with all tests, HOSTILE_FILES=200 (`make test-fuzz`) loads so many.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hostile_files
from tests.hostile import Loader
from tests.hostile_files import Random

ROOT = Path(__file__).resolve().parents[2]
COUNT = int(os.environ.get("HOSTILE_FILES", "40"))
MEGABYTES = 800


@pytest.mark.timeout(max(120, COUNT * 5))
def test_many_hostile_files_end_well_within_memory() -> None:
    run = [sys.executable, "-W", "error::RuntimeWarning", "-m", "tests.hostile", str(COUNT)]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5_000:]
    found = json.loads(done.stdout)
    assert found["files"] >= COUNT
    assert found["peak_mb"] < MEGABYTES
    assert not [outcome for outcome in found["outcomes"] if outcome.endswith("at length")]


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("formulas", {"loaded in part"}),
        ("enormous_numbers", {"loaded in part"}),
        ("odd_dates", {"loaded in part"}),
        ("truncated_gzip", {"refused (SourceError)"}),
        ("many_columns", {"refused (SourceError)"}),
        ("external_entities", {"refused (SourceError)"}),
        ("workbook_bomb", {"refused (SourceError)"}),
        ("many_entries", {"refused (SourceError)"}),
        ("claimed_rows", {"refused (SourceError)"}),
        ("repeated_text", {"refused (SourceError)"}),
    ],
)
def test_each_kind_ends_as_it_should(kind: str, outcomes: set[str], tmp_path: Path) -> None:
    make = getattr(hostile_files, kind)
    with Loader(tmp_path) as loader:
        found = {loader.load(make(Random(seed))) for seed in range(3)}
    assert found == outcomes
