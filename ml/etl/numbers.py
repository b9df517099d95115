"""Numbers as people and programs write them: decimal point or comma, thousands, currencies, signs."""

from __future__ import annotations

import re
from dataclasses import dataclass

SPACES = re.compile(r"[\s'’\u00a0\u202f]")
CURRENCIES = re.compile(r"[$€£¥₹]|EUR|USD|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK|MXN|BRL|ZAR")

COMMA_DECIMAL = r"^[^,]*,(\d{1,2}|\d{4,})\D*$|\.\d{3},"
"""Evidence that a comma is decimal: 12,5 or 1.234,00."""

POINT_DECIMAL = r"^[^.]*\.(\d{1,2}|\d{4,})\D*$|,\d{3}\."
"""Evidence that a point is decimal: 12.5 or 1,234.00."""


@dataclass(frozen=True)
class NumberFormat:
    """Which character is the decimal mark; the other of point and comma groups thousands."""

    decimal: str = "."

    @property
    def grouping(self) -> str:
        return "," if self.decimal == "." else "."

    @property
    def pattern(self) -> str:
        """What a plain number looks like, as a regular expression that RE2 takes too."""
        mark, group = re.escape(self.decimal), re.escape(self.grouping)
        whole = rf"(\d+|\d{{1,3}}({group}\d{{3}})+)"
        return rf"^[+-]?({whole}({mark}\d*)?|{mark}\d+)([eE][+-]?\d{{1,2}})?$"

    def parse(self, text: str) -> float | None:
        """The number that a text writes; None where it is none.

        Takes '€ 1.234,50', '(12.50)' and '12.50-' as accounting writes negatives, and
        spaces or apostrophes between thousands.
        """
        text = SPACES.sub("", CURRENCIES.sub("", text)).replace("−", "-")
        negative = text.startswith("(") and text.endswith(")")
        if negative:
            text = text[1:-1]
        elif text.endswith("-"):
            negative, text = True, text[:-1]
        if not re.match(self.pattern, text):
            return None
        number = float(text.replace(self.grouping, "").replace(self.decimal, "."))
        return -number if negative else number


def looks_like_number(text: str) -> bool:
    """Whether a text is a number in either notation."""
    return NumberFormat(".").parse(text) is not None or NumberFormat(",").parse(text) is not None
