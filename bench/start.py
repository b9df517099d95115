"""The start of a web process: `import wsgi`, Python's own start included."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

from bench.cases import Case, run

ROUNDS = 3


def cases() -> Iterator[Case]:
    """After a warm-up, which writes the compiled files and reads the libraries from disk."""
    _start()
    yield Case("start", "import-wsgi", median(_start() for _ in range(ROUNDS)), "s", (None, 1.0))


def _start() -> float:
    with tempfile.TemporaryDirectory() as home:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import wsgi"], env={"FORECASTLE_HOME": home}, check=True)
        return time.perf_counter() - begin


if __name__ == "__main__":
    sys.exit(run(cases()))
