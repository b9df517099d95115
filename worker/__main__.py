"""`python -m worker COMMAND`: the processes beside the web server."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from ml.errors import ConfigurationError

COMMANDS = {
    "work": ("worker.work", "run jobs"),
    "relay": ("worker.relay", "hand events to their handlers and jobs to the workers"),
    "schedule": ("worker.scheduler", "ask for jobs by the clock"),
    "watch": ("worker.watch", "look after all the rest, and tell of what is wrong"),
    "check": ("worker.promises", "say which scheduled runs are missing, late, duplicate or incomplete"),
    "alive": ("worker.alive", "say whether this machine's process of a role reported lately"),
    "up": ("worker.supervisor", "run all of this on one machine (--demo, --data FILE)"),
}
"""Module by command; its `main() -> int` is imported only when it is asked for."""

WITH_OPTIONS = {"alive", "up"}
"""Commands whose `main` takes the arguments that follow."""


def usage() -> str:
    """The commands, one a line."""
    lines = [f"  {command:<10}{purpose}" for command, (_, purpose) in COMMANDS.items()]
    return "\n".join(["usage: python -m worker COMMAND", *lines])


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    command, options = arguments[:1], arguments[1:]
    if not command or command[0] not in COMMANDS or (options and command[0] not in WITH_OPTIONS):
        print(usage(), file=sys.stderr)
        return 2
    module, _ = COMMANDS[command[0]]
    try:
        return int(importlib.import_module(module).main(*([options] if command[0] in WITH_OPTIONS else [])))
    except ConfigurationError as error:
        print(f"forecastle: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
