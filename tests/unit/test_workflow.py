"""What the workflow of GitHub calls exists, and nothing is deployed that was not tested."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ml.settings import ROOT

JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
MAKEFILE = (ROOT / "Makefile").read_text()


def commands(name: str) -> list[str]:
    return [step["run"] for step in JOBS[name]["steps"] if "run" in step]


def before(name: str) -> set[str]:
    """All jobs that have to succeed before a job starts."""
    needs = JOBS[name].get("needs", [])
    needs = [needs] if isinstance(needs, str) else needs
    return set(needs).union(*map(before, needs))


def test_every_make_target_that_is_called_exists() -> None:
    called = {target for name in JOBS for text in commands(name) for target in re.findall(r"\bmake ([a-z-]+)", text)}
    assert {"lint", "types", "audit", "coverage", "test", "chaos", "setup"} <= called
    assert [target for target in called if not re.search(rf"^{target}:", MAKEFILE, flags=re.MULTILINE)] == []


def test_every_script_that_is_called_exists() -> None:
    scripts = {path for name in JOBS for text in commands(name) for path in re.findall(r"\b(deploy/\S+\.sh)", text)}
    assert scripts
    assert [path for path in scripts if not (ROOT / path).is_file()] == []


def test_nothing_is_deployed_untested_and_production_only_after_staging() -> None:
    assert {"checks", "tests", "sqlserver", "image"} <= before("staging")
    assert {"staging", "image"} <= before("production")
    assert JOBS["production"]["environment"] == "production"
    assert "make coverage" in " ".join(commands("tests"))
    assert JOBS["tests"]["strategy"]["matrix"]["database"] == ["sqlite", "postgresql"]
    assert "mssql+pyodbc" in JOBS["sqlserver"]["env"]["TEST_DATABASE_URL"]


def test_every_job_ends_by_itself() -> None:
    assert all(job["timeout-minutes"] <= 350 for job in JOBS.values())


def test_the_images_that_are_built_are_targets_of_the_dockerfile() -> None:
    targets = set(re.findall(r" AS (\w+)$", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE))
    assert {one["target"] for one in JOBS["image"]["strategy"]["matrix"]["include"]} <= targets
