"""The Procfile: which processes there are, and the command of each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template

from ml.errors import ConfigurationError

LINE = re.compile(r"(?P<name>[a-z][a-z0-9_-]*):\s*(?P<command>\S.*)")
ONCE = ("release", "demo")  # run to their end, before and after the others


def read(path: Path) -> dict[str, str]:
    """The command lines by name, in the order of the file; raises ConfigurationError for a line that is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(f"there is no {path}; expected the list of processes to run there.") from None
    commands: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line.strip())
        if match is None:
            raise ConfigurationError(f"{path}, line {number}: found {line!r}; expected `name: command`.")
        commands[match["name"]] = match["command"]
    return commands


def arguments(command: str, env: Mapping[str, str]) -> list[str]:
    """A command line as arguments, `$NAME` filled in from `env`; no shell is involved."""
    try:
        return [Template(word).substitute(env) for word in shlex.split(command)]
    except KeyError as error:
        raise ConfigurationError(f"the Procfile's {command!r} needs ${error.args[0]}, which is not set.") from None
