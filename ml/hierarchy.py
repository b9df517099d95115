"""The hierarchy of series: place levels crossed with product levels, and the keys of its nodes."""

from __future__ import annotations

from ml.db.keys import hash_key

LOCATION_LEVELS = ("total", "region", "territory", "area")
PRODUCT_LEVELS = ("total", "category", "subcategory", "product")

LOCATION_NAMES = {level: LOCATION_LEVELS[1 : i + 1] for i, level in enumerate(LOCATION_LEVELS)}
"""The columns that name a node of a place level: area -> (region, territory, area)."""

PRODUCT_NAMES = {
    "total": (),
    "category": ("category",),
    "subcategory": ("category", "subcategory"),
    "product": ("product_id",),
}
"""The columns that name a node of a product level.

A product is named by its key alone: its category may be corrected later without
making it another series.
"""


def node_key(location_level: str, product_level: str, *names: object) -> bytes:
    """The natural key of a node: its two levels and its names in the order of the columns above."""
    return hash_key(location_level, product_level, *names)
