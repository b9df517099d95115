"""How long-running steps tell how far they are."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the phase, and how many of how many units of it are done (0 of 0: unknown)."""

    def __call__(self, phase: str, done: int = 0, total: int = 0) -> None: ...


def silent(phase: str, done: int = 0, total: int = 0) -> None:
    """Progress that nobody watches."""
