"""A published run of predictions on made invoices of two regions, for tests of pages and the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.catalog import Customer
from ml.db.keys import hash_key
from ml.db.receivables import CashItem, CashPosition, CollectRun, Invoice, NextOrder, Payment
from ml.etl.record_tables import record_key, settlement_key
from ml.pipelines.collect import collect

FIRST = date(2024, 1, 1)
EARLY = 40
"""Invoices of each customer, one a week."""


@dataclass(frozen=True)
class Place:
    """A region, what its customers are called, and what their invoices are above 100 for the first customer, 200 …"""

    region: str
    shop: str = "Shop"
    least: float = 0.0

    def amount(self, number: int) -> float:
        """Of each invoice of a customer."""
        return self.least + 100.0 * (number + 1)


PLACES = (Place("North"), Place("South"))


def make_receivables(session: Session, store: ArtifactStore, places: Sequence[Place] = PLACES) -> CollectRun:
    """Six customers in two regions, weekly invoices due in 30 days; C-5 pays late, the last weeks are open."""
    of = [places[number % 2] for number in range(6)]
    customers = [
        Customer(key=hash_key(f"C-{number}"), code=f"C-{number}", name=f"{place.shop} {number}", segment="Retail",
                 region=place.region, payment_terms_days=30)
        for number, place in enumerate(of)
    ]  # fmt: skip
    session.add_all(customers)
    session.flush()
    last = FIRST + timedelta(weeks=EARLY)
    for number, customer in enumerate(customers):
        for week in range(EARLY):
            ref, issued = f"I-{number}-{week:02d}", FIRST + timedelta(weeks=week)
            paid = issued + timedelta(days=30 + (20 if number == 5 else number - 2) + week % 4)
            session.add(
                Invoice(key=record_key("invoices", {"invoice_ref": ref}), invoice_ref=ref, customer_id=customer.id,
                        issued_on=issued, due_on=issued + timedelta(days=30), amount=of[number].amount(number),
                        currency="EUR", region=customer.region)
            )  # fmt: skip
            if paid < last:
                session.add(
                    Payment(key=settlement_key(ref), invoice_ref=ref, paid_on=paid, amount=of[number].amount(number))
                )
    key = record_key("cash_items", {"item_ref": "W-1"})
    session.add(CashItem(key=key, item_ref="W-1", day=last + timedelta(days=3), amount=-900.0, currency="EUR"))
    session.add(CashPosition(currency="EUR", day=last, balance=1_000.0, minimum=500.0))
    session.commit()
    collect(session, store)
    run = session.query(CollectRun).one()
    for number, customer in enumerate(customers):
        session.add(
            NextOrder(run_id=run.id, customer_id=customer.id, as_of=last, p10=last + timedelta(days=2),
                      p50=last + timedelta(days=8), p90=last + timedelta(days=30), in_30_days=0.8, amount=50.0,
                      categories=[{"category": "Tools", "chance": 0.7}, {"category": "Paper", "chance": 0.3}],
                      stage="slowing" if number < 2 else "active", one_time=False, last_order=last - timedelta(days=20),
                      typical_gap=9.0, overdue=number < 2, at_stake=10.0 + number)
        )  # fmt: skip
    run.customers, run.orders_as_of = len(customers), last
    session.commit()
    return run
