"""What a benchmark prints: one JSON line a case."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

Bar = tuple[float | None, float | None]


@dataclass(frozen=True)
class Case:
    """A figure of ours, that of a peer in the same run where there is one, and what the ratio (or ours) has to keep."""

    bench: str
    case: str
    ours: float
    unit: str
    bar: Bar
    peer: float | None = None
    peer_name: str | None = None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return None if self.peer is None else self.ours / self.peer

    @property
    def ok(self) -> bool:
        """Whether the ratio, or ours where there is no peer, lies within the bar."""
        value = self.ours if self.ratio is None else self.ratio
        least, most = self.bar
        return (least is None or value >= least) and (most is None or value <= most)

    def as_dict(self) -> dict[str, Any]:
        """The line that is printed."""
        figures = {name: _rounded(getattr(self, name)) for name in ("ours", "peer", "ratio")}
        return {**asdict(self), **figures, "ok": self.ok}


def run(cases: Iterable[Case]) -> int:
    """Print each case as soon as it is measured; returns the exit code."""
    held = []
    for case in cases:
        print(json.dumps(case.as_dict()), flush=True)
        held.append(case.ok)
    return 0 if all(held) else 1


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
