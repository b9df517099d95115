"""Texts that a spreadsheet would run as formulas (CSV injection): quoted on the way out, restored on the way in."""

from __future__ import annotations

from ml.etl.numbers import looks_like_number

STARTS = tuple("=+-@＝＋－＠")  # spreadsheets take the full-width ones too
CELL_BREAKS = ("\t", "\r", "\n")
QUOTE = "'"


def defuse(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; negative numbers stay numbers."""
    risky = cell.startswith(CELL_BREAKS) or cell.lstrip().startswith(STARTS)
    return f"{QUOTE}{cell}" if risky and not looks_like_number(cell) else cell


def restore(cell: str) -> str:
    """What a defused cell was, so that a row that was downloaded and is sent again says the same."""
    return cell[1:] if cell.startswith(QUOTE) and defuse(cell[1:]) == cell else cell
