"""Model versions: which one serves each grain, why, what came before it, and its artifact.

What is listed here is light, so that pages can use it. Reading and writing artifacts is in `ml.registry.artifacts`.
"""

from __future__ import annotations

from ml.registry.promotion import challenge, promote, promote_by_hand, roll_back
from ml.registry.versions import OUTGROWN, champion, find_champion

__all__ = [
    "OUTGROWN",
    "challenge",
    "champion",
    "find_champion",
    "promote",
    "promote_by_hand",
    "roll_back",
]
