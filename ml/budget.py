"""A time within which the best is made of what can be tried."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Budget:
    """Wall seconds that may be spent from now on; without a number there is no end."""

    seconds: float | None = None
    _began: float = field(default_factory=time.monotonic, repr=False)

    @property
    def spent(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without a limit, negative once it was passed."""
        return float("inf") if self.seconds is None else self.seconds - self.spent

    def part(self, share: float) -> Budget:
        """A budget of its own, from now on, of a share of what is left."""
        return Budget(None if self.seconds is None else max(self.left, 0.0) * share)
