"""Forecasts as people change them: spread down by proportion, added up exactly, judged when actuals are in."""

from ml.overrides.apply import apply_override, reapply
from ml.overrides.cells import Cell, read_cells
from ml.overrides.parts import Part
from ml.overrides.settle import settle
from ml.overrides.spread import spread

__all__ = ["Cell", "Part", "apply_override", "read_cells", "reapply", "settle", "spread"]
