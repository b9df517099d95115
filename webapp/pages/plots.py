"""Small plots that the server draws itself, as coordinates for SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]


@dataclass(frozen=True)
class Sparkline:
    """A line without axes: its path and its last point."""

    path: str
    end: Point


def sparkline(values: Sequence[float], width: float = 96, height: float = 26, margin: float = 2) -> Sparkline | None:
    """The line through `values`, scaled to the box; None where there are fewer than two."""
    if len(values) < 2:
        return None
    points = scale(values, width - 2 * margin, height - 2 * margin)
    shifted = [(x + margin, y + margin) for x, y in points]
    return Sparkline("M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in shifted), shifted[-1])


def two_lines(
    past: Sequence[float], future: Sequence[float], width: float = 240, height: float = 56, margin: float = 3
) -> tuple[str, str] | None:
    """Paths of what was and of what follows on it, in one scale that begins at zero; None below two values of past."""
    if len(past) < 2:
        return None
    points = scale([*past, *future, 0.0], width - 2 * margin, height - 2 * margin)[:-1]
    texts = [f"{x + margin:.1f} {y + margin:.1f}" for x, y in points]
    return "M" + " L".join(texts[: len(past)]), "M" + " L".join(texts[len(past) - 1 :])


def scale(values: Sequence[float], width: float, height: float) -> list[Point]:
    """Points spread evenly over `width`, from the lowest value at the bottom to the highest on top."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = width / (len(values) - 1)
    return [(i * step, height - (value - low) / span * height) for i, value in enumerate(values)]


@dataclass(frozen=True)
class MarkedLine:
    """A line with gaps, a point on it, and how high a level lies."""

    path: str
    point: Point
    level: float


def marked_line(
    values: Sequence[float | None], at: int, level: float, size: Point = (168, 44), margin: float = 4
) -> MarkedLine | None:
    """The line through `values`, None where nothing is known, with its point `at`; None where that is not known itself.

    The scale holds the level, and zero.
    """
    if not 0 <= at < len(values) or values[at] is None or len(values) < 2:
        return None
    width, height = size
    known = [0.0 if value is None else value for value in values]
    points = [(x + margin, y + margin) for x, y in scale([*known, level, 0.0], 1.0, height - 2 * margin)]
    step = (width - 2 * margin) / (len(values) - 1)
    placed = [(margin + i * step, points[i][1]) for i in range(len(values))]
    broken = [i == 0 or values[i - 1] is None for i in range(len(values))]
    parts = [f"{'M' if broken[i] else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(placed) if values[i] is not None]
    return MarkedLine(" ".join(parts), placed[at], points[len(values)][1])
