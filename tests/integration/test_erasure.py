"""A customer is erased as a person: by the API and the command line, wherever something was kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa
from etl_helpers import upload
from flask import Flask
from sqlalchemy.orm import Session
from web_fixtures import ClientFor, Rows, assert_problem

from ml.artifacts import ArtifactStore
from ml.db.audit import AuditEntry
from ml.db.base import Base
from ml.db.catalog import Customer
from ml.db.imports import Import, RejectedRow
from ml.db.sales import SalesDaily, SalesRaw
from ml.pipelines.ingest import load_import
from webapp.cli.customers import erase_command

CODE, NAME = "K-4711", "Erika Mustermann"
SALES = (
    "Date,Region,State,City,Product ID,Amount,Customer ID,Customer Name\n"
    f"2024-01-03,East,New York,Albany,P-1,10.50,{CODE},{NAME}\n"
    "2024-01-04,West,Oregon,Salem,P-2,20.00,K-1,Somebody Else\n"
    f"never,West,Oregon,Salem,P-2,20.00,{CODE},{NAME}\n"
)


@pytest.fixture
def customer(session: Session, store: ArtifactStore, api: ClientFor) -> Customer:
    """Somebody who bought something, whose name was corrected later."""
    import_id = upload(session, store, SALES)
    load_import(session, store, import_id)
    session.commit()
    row = session.scalars(sa.select(Customer).where(Customer.code == CODE)).one()
    session.commit()
    answer = api("operator").put(f"/api/v1/customers/{row.id}", json={"name": NAME, "region": "East"})
    assert answer.status_code == 200
    session.refresh(row)
    session.commit()
    return row


def everything(session: Session) -> str:
    """All rows of all tables, as text."""
    found: list[Any] = []
    for table in Base.metadata.sorted_tables:
        found += [tuple(row) for row in session.execute(sa.select(table))]
    return json.dumps(found, default=str, ensure_ascii=False)


def test_nothing_of_the_person_is_left_and_the_sales_stay(
    api: ClientFor, customer: Customer, session: Session, store: ArtifactStore, rows: Rows
) -> None:
    path = session.scalars(sa.select(Import.artifact)).one()
    total = session.scalar(sa.select(sa.func.sum(SalesDaily.total_sales)))
    assert NAME in everything(session)
    assert store.exists(path)
    session.commit()
    answer = api("admin").post(f"/api/v1/customers/{CODE}/erase")
    assert answer.status_code == 200, answer.text
    found = answer.get_json()
    assert (found["code"], found["files"], found["rejected_rows"]) == (f"erased-{customer.id}", 1, 1)
    left = everything(session)
    assert NAME not in left
    assert CODE not in left
    assert session.scalar(sa.select(sa.func.sum(SalesDaily.total_sales))) == total
    assert len(session.scalars(sa.select(SalesRaw).where(SalesRaw.customer_id == customer.id)).all()) == 1
    session.commit()
    assert not store.exists(path)
    assert rows.count(RejectedRow) == 0
    assert rows.last(AuditEntry).action == "erase"
    assert_problem(api("admin").post(f"/api/v1/customers/{CODE}/erase"), 404, "not-found")
    again = api("admin").post(f"/api/v1/customers/{customer.id}/erase").get_json()
    assert (again["code"], again["files"]) == (found["code"], 0)


def test_only_admins_erase(api: ClientFor, customer: Customer) -> None:
    assert_problem(api("operator").post(f"/api/v1/customers/{customer.id}/erase"), 403, "forbidden")


def test_the_command_asks_first(app: Flask, customer: Customer, rows: Rows) -> None:
    runner = app.test_cli_runner()
    assert runner.invoke(erase_command, [CODE], input="n\n").exit_code == 1
    assert rows.get(Customer, customer.id).code == CODE
    result = runner.invoke(erase_command, [CODE, "--yes"])
    assert result.exit_code == 0, result.output
    assert f"Customer {customer.id} is erased-{customer.id} now." in result.output
    assert rows.get(Customer, customer.id).name == ""
    assert "customer 'K-0' is unknown" in runner.invoke(erase_command, ["K-0", "--yes"]).output
