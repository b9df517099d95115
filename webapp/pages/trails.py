"""Breadcrumbs: the way up from a node, by place and by product."""

from __future__ import annotations

from dataclasses import replace

from webapp.queries.nodes import Node

PLACE = ("region", "territory", "area")
PRODUCT = ("category", "subcategory", "product")

Trail = list[tuple[str, Node]]


def trails_of(node: Node) -> list[tuple[str, Trail]]:
    """Two trails: one step is one name more, while the other dimension stays as it is."""
    return [("Place", trail(node, PLACE, "All places")), ("Product", trail(node, PRODUCT, "All products"))]


def trail(node: Node, levels: tuple[str, ...], root: str) -> Trail:
    """The steps from everything down to the node itself; the last one is where the reader is."""
    at = replace(node, **dict.fromkeys(levels, ""))
    steps = [(root, at)]
    for level in levels:
        name = getattr(node, level)
        if name:
            at = replace(at, **{level: name})
            steps.append(((level == "product" and node.product_name) or name, at))
    return steps
