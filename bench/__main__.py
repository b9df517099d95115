"""`python -m bench`: the list of benchmarks."""

from __future__ import annotations

import ast
from pathlib import Path

for path in sorted(Path(__file__).parent.glob("*.py")):
    text = path.read_text(encoding="utf-8")
    if '__name__ == "__main__"' in text and path != Path(__file__):
        summary = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
        print(f"python -m bench.{path.stem:12} {summary}")
