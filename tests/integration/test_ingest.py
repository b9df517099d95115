"""A file's good rows are loaded once, its bad rows kept with their reasons, and nothing is half-loaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from ml.artifacts import ArtifactStore
from ml.db.catalog import Customer, Product, Series
from ml.db.imports import Import, RejectedRow
from ml.db.sales import SalesRaw
from ml.errors import DataError, MappingError, NotFoundError, SourceError
from ml.etl.rejected import BOM, rejected_csv
from ml.pipelines.ingest import load_import, mark_failed
from tests.etl_helpers import HEADER, KINDS, SUPERSTORE, Databases, dump, ingest, sales_csv, upload

ROW = "2024-01-31,North,N1,Ayton,P-1,Saw,Tools,C-1,O-1,Web,{amount},2\n"


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with closing(Databases(tmp_path_factory.mktemp("etl"))) as databases:
        yield databases


@pytest.fixture(params=KINDS)
def session(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Session]:
    with databases.session(request.param) as session:
        yield session


def count(session: Session, entity: type) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(entity)) or 0


@pytest.mark.skipif(not SUPERSTORE.exists(), reason=f"{SUPERSTORE} is not here")
def test_superstore_loads_whole_and_a_second_time_not_at_all(
    sessions: sessionmaker[Session], store: ArtifactStore
) -> None:
    with sessions() as session:
        load_superstore_twice(session, store)


def load_superstore_twice(session: Session, store: ArtifactStore) -> None:
    first = ingest(session, store, SUPERSTORE.read_bytes())
    assert (first.rows_loaded, first.rows_rejected, first.conflicts) == (9_994, 0, 32)
    assert (first.first_date, first.last_date) == (date(2014, 1, 3), date(2017, 12, 30))
    assert [count(session, entity) for entity in (Product, Customer, Series)] == [1_862, 793, 9_339]
    assert session.scalar(sa.select(sa.func.sum(SalesRaw.sales_amount))) == pytest.approx(2_297_200.8603)
    before = dump(session)
    second = ingest(session, store, SUPERSTORE.read_bytes())
    assert (second.rows_loaded, second.rows_unchanged) == (0, 9_994)
    assert dump(session)["sales"] == before["sales"]


def test_rows_arrive_with_all_their_fields(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, HEADER + ROW.format(amount="10.1234"))
    found = dump(session)
    assert found["sales"][0][1:] == (
        date(2024, 1, 31), "North", "N1", "Ayton", "P-1", 10.1234, 2, "Web", "C-1", "O-1", "Ayton", "Tools", 1,
    )  # fmt: skip
    assert found["products"] == [("P-1", "Saw", "Tools", "")]
    assert found["customers"] == [("C-1", "")]


def test_true_duplicates_in_a_file_are_kept_and_recognised_again(session: Session, store: ArtifactStore) -> None:
    content = HEADER + ROW.format(amount=5) * 3
    assert ingest(session, store, content).rows_loaded == 3
    assert ingest(session, store, content + ROW.format(amount=5) + ROW.format(amount=6)).rows_loaded == 2
    assert count(session, SalesRaw) == 5


def test_a_file_written_otherwise_holds_the_same_rows(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, "Date;Product ID;City;Amount\n2024-01-31;P-1;Zürich;1234.5\n")
    again = "Date;Product ID;City;Amount\n31.01.2024;P-1 ; Zürich;1.234,50\n".encode("cp1252")
    assert ingest(session, store, again).rows_unchanged == 1


def test_bad_rows_are_kept_with_the_reason_and_good_rows_load(session: Session, store: ArtifactStore) -> None:
    content = HEADER + ROW.format(amount=5) + ROW.format(amount="=1+1") + ROW.format(amount=6)
    result = ingest(session, store, content)
    assert (result.rows_total, result.rows_loaded, result.rows_rejected) == (3, 2, 1)
    rejected = session.scalars(sa.select(RejectedRow)).one()
    assert (rejected.row_number, rejected.column, rejected.value) == (2, "Amount", "=1+1")
    assert rejected.row["Product Name"] == "Saw"


def test_rejected_rows_download_as_csv_without_live_formulas(session: Session, store: ArtifactStore) -> None:
    content = "Date,Product ID,Order ID,Amount\n2024-01-31,P,O-1,1\nsoon,=cmd|' /C calc'!A0,@x,-5\nlater\n"
    result = ingest(session, store, content, sale_date="Date")
    text = "".join(rejected_csv(session, result.import_id))
    assert text.startswith(BOM)  # for Excel
    rows = list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))
    assert rows[0] == {
        "Date": "soon",
        "Product ID": "'=cmd|' /C calc'!A0",
        "Order ID": "'@x",
        "Amount": "-5",
        "rejected row": "2",
        "rejected column": "Date",
        "rejected because": "not a date; expected one such as 2024-01-31",
    }
    assert (rows[1]["Date"], rows[1]["rejected row"]) == ("later", "3")
    assert list(rejected_csv(session, result.import_id + 1)) == []


def test_rejected_rows_that_are_corrected_say_what_they_said(session: Session, store: ArtifactStore) -> None:
    content = "Date,Product ID,Order ID,Amount\nsoon,-Ä-,@x,-5\n2024-01-31,P,'quoted,1\n"
    first = ingest(session, store, content)
    corrected = "".join(rejected_csv(session, first.import_id)).replace("soon", "2024-01-30", 1)
    assert "'-Ä-" in corrected
    assert ingest(session, store, corrected.encode()).rows_loaded == 1
    assert sorted(session.scalars(sa.select(Product.code))) == ["-Ä-", "P"]
    assert sorted(session.scalars(sa.select(SalesRaw.order_ref))) == ["'quoted", "@x"]


def test_a_file_without_a_good_row_fails_and_loads_nothing(session: Session, store: ArtifactStore) -> None:
    import_id = upload(session, store, HEADER + ROW.format(amount="ten") * 3, sales_amount="Amount")
    with pytest.raises(
        DataError, match=r"none of the 3 rows of sales\.csv can be loaded.*row 1, column 'Amount'"
    ) as error:
        load_import(session, store, import_id)
    session.rollback()
    mark_failed(session, import_id, str(error.value))
    session.commit()
    record = session.get_one(Import, import_id)
    assert (record.state, record.error, record.rows_loaded, record.rows_rejected) == ("failed", str(error.value), 0, 3)
    assert record.finished_at is not None
    assert [count(session, e) for e in (SalesRaw, Product, Customer, Series)] == [0] * 4
    assert count(session, RejectedRow) == 3


def test_a_corrected_mapping_lets_a_failed_import_succeed(session: Session, store: ArtifactStore) -> None:
    import_id = upload(session, store, HEADER + ROW.format(amount=5), sales_amount="Order ID", order_ref="Segment")
    with pytest.raises(DataError):
        load_import(session, store, import_id)
    session.rollback()
    record = session.get_one(Import, import_id)
    record.mapping = record.mapping | {"sales_amount": "Amount"}
    session.commit()
    assert load_import(session, store, import_id).rows_loaded == 1
    session.commit()
    assert count(session, RejectedRow) == 0


def test_a_column_that_the_file_lacks_is_reported(session: Session, store: ArtifactStore) -> None:
    with pytest.raises(MappingError, match="Region is mapped to column 'Zone'"):
        ingest(session, store, HEADER + ROW.format(amount=5), region="Zone")


def test_a_file_that_breaks_off_loads_nothing(session: Session, store: ArtifactStore) -> None:
    import_id = upload(session, store, HEADER + ROW.format(amount=5) * 100_000 + '2024-01-31,"North\n' + ROW * 400_000)
    with pytest.raises(SourceError, match="never closed"):
        load_import(session, store, import_id)
    assert count(session, SalesRaw) == count(session, Product) == 0


def test_an_unknown_import_is_reported(session: Session, store: ArtifactStore) -> None:
    with pytest.raises(NotFoundError, match="there is no import 99"):
        load_import(session, store, 99)


def test_empty_names_are_filled_later_and_given_ones_stay(session: Session, store: ArtifactStore) -> None:
    ingest(session, store, "Date,Product ID,Customer ID,Amount\n2024-01-31,A,C,1\n")
    header = "Date,Product ID,Product Name,Category,Customer ID,Customer Name,Amount\n"
    ingest(session, store, header + "2024-01-31,A,Saw,Tools,C,Ann,2\n")
    ingest(session, store, header + "2024-01-31,A,Lamp,Lights,C,Bob,3\n")
    found = dump(session)
    assert found["products"] == [("A", "Saw", "Tools", "")]
    assert found["customers"] == [("C", "Ann")]
    assert found["series"] == [("", "", "", "A", "Tools")]


def test_progress_is_told_by_phase(session: Session, store: ArtifactStore) -> None:
    told: list[str] = []
    load_import(session, store, upload(session, store, sales_csv(100)), lambda phase, *_: told.append(phase))
    assert list(dict.fromkeys(told)) == ["reading", "checking", "matching codes", "publishing", "summing up"]


def test_the_result_is_json(session: Session, store: ArtifactStore) -> None:
    result = ingest(session, store, sales_csv(100))
    assert result.as_dict() == {
        "import_id": result.import_id,
        "dataset": "sales",
        "rows_total": 100,
        "rows_loaded": 98,
        "rows_unchanged": 0,
        "rows_rejected": 2,
        "first_date": result.first_date.isoformat(),
        "last_date": result.last_date.isoformat(),
        "conflicts": result.conflicts,
        "notes": [],
    }


def test_a_known_product_keeps_its_category_and_the_other_one_is_reported(
    session: Session, store: ArtifactStore
) -> None:
    header = "Date,Product ID,Product Name,Category,Amount\n"
    ingest(session, store, header + "2024-01-31,A,Saw,Tools,1\n2024-01-31,B,Bolt,Tools,1\n")
    result = ingest(session, store, header + "2024-02-29,A,Saw,Garden,2\n2024-02-29,B,Screw,Tools,2\n")
    report = session.get_one(Import, result.import_id).report
    assert report is not None
    assert report["conflicts"] == [
        {"code": "A", "names": ["Tools", "Garden"]},
        {"code": "B", "names": ["Bolt", "Screw"]},
    ]
    assert dump(session)["products"] == [("A", "Saw", "Tools", ""), ("B", "Bolt", "Tools", "")]
