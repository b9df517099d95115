"""Breadcrumbs."""

from __future__ import annotations

from webapp.pages.trails import trails_of
from webapp.queries.nodes import Node


def test_each_step_names_one_level_more_and_keeps_the_other_dimension() -> None:
    node = Node(region="West", territory="California", category="Furniture")
    (_, place), (_, product) = trails_of(node)
    assert place == [
        ("All places", Node(category="Furniture")),
        ("West", Node(region="West", category="Furniture")),
        ("California", node),
    ]
    assert product == [("All products", Node(region="West", territory="California")), ("Furniture", node)]


def test_all_sales_is_where_both_trails_begin() -> None:
    assert trails_of(Node()) == [("Place", [("All places", Node())]), ("Product", [("All products", Node())])]


def test_a_level_without_a_name_is_passed_over() -> None:
    (_, place), _ = trails_of(Node(area="Albany"))
    assert [label for label, _ in place] == ["All places", "Albany"]


def test_a_product_is_called_by_its_name() -> None:
    _, (_, product) = trails_of(Node(category="Office", product="P-1", product_name="Pen"))
    assert [label for label, _ in product] == ["All products", "Office", "Pen"]
