"""The main navigation, in groups."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Link:
    """One entry: where it leads, what it is called, and its icon in static/icons.svg."""

    endpoint: str
    label: str
    icon: str


@dataclass(frozen=True)
class Group:
    """Entries under a title ('' for none)."""

    title: str
    links: tuple[Link, ...]


NAVIGATION = (
    Group(
        "",
        (
            Link("overview.show", "Overview", "overview"),
            Link("explore.index", "Explore", "chart"),
            Link("accuracy.index", "Accuracy", "check"),
            Link("anomalies.index", "Anomalies", "alert"),
            Link("overrides.index", "Overrides", "edit"),
            Link("scenarios.index", "What-if", "fork"),
        ),
    ),
    Group(
        "Customers",
        (
            Link("receivables.index", "Receivables", "customer"),
            Link("cash.index", "Cash flow", "chart"),
            Link("next_orders.index", "Next orders", "clock"),
        ),
    ),
    Group("Supply", (Link("stock.index", "Restock", "box"),)),
    Group(
        "Data",
        (
            Link("imports.index", "Imports", "upload"),
            Link("sources.index", "Sources", "source"),
            Link("quality.index", "Data quality", "quality"),
            Link("products.index", "Products", "product"),
            Link("customers.index", "Customers", "customer"),
        ),
    ),
    Group(
        "Engine",
        (
            Link("models.index", "Models", "model"),
            Link("jobs.index", "Jobs", "jobs"),
            Link("alerts.index", "Alerts", "bell"),
        ),
    ),
)
