"""`python -m ml`: the engine from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from ml.compute import computing_on
from ml.errors import ForecastleError

COMMANDS = {
    "backtest": ("ml.evaluation.cli", "score a model on a panel by rolling origin"),
    "backtest-inventory": ("ml.inventory.cli", "replay stock policies over the last days of a panel"),
    "tune": ("ml.evaluation.tune_cli", "search the parameters of a model, within a time"),
    "demo-data": ("ml.demo.command", "write the sales of an invented distribution company"),
    "secret-key": ("ml.secrets", "print a new key for the credentials of sources (FORECASTLE_SECRET_KEY)"),
}


def main(arguments: Sequence[str]) -> int:
    """Run one command; an error that the user can mend is told in one line, exit code 2."""
    if not arguments or arguments[0] not in COMMANDS:
        usage = "\n".join(f"  python -m ml {name:<18} {summary}" for name, (_, summary) in COMMANDS.items())
        print(f"{usage}\n  … --help       for a command's options", file=sys.stderr)
        return 2
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads of two runs on one machine starve each other
    run: Callable[[Sequence[str]], int] = import_module(COMMANDS[arguments[0]][0]).main
    try:
        with computing_on(os.environ.get("COMPUTE_URL", "").strip()):
            return run(arguments[1:])
    except ForecastleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
