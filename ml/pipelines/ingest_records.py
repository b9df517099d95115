"""Ingest of every data set but sales: checked whole, then loaded in one transaction."""

from __future__ import annotations

from typing import IO

from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import utc_now
from ml.db.imports import Import
from ml.etl import load, mapping, records
from ml.etl.cells import Checks
from ml.etl.datasets import get_dataset
from ml.etl.known import known_codes
from ml.etl.policy import Policy
from ml.etl.record_check import CheckedRecords, check_records
from ml.etl.sources import files
from ml.pipelines.weigh import refuse, weigh, write_report
from ml.progress import Progress, silent


def load_records(session: Session, store: ArtifactStore, record: Import, progress: Progress = silent) -> None:
    """Check and load an import; its counts and report are written into its row, and the caller commits.

    Raises MappingError and SourceError where the file cannot be read as mapped, DataError where none of its rows
    can be loaded or its policy refuses it (rejected rows are kept with their reasons).
    """
    with check(session, store, record, progress) as checked:
        load.reject(session, record.id, checked)
        weighed = weigh(session, record, checked)
        refuse(session, record, checked, weighed)
        done = records.load(session, record, checked, progress)
        write_report(record, checked, weighed, done.loaded, done.changed)


def check(session: Session, store: ArtifactStore, record: Import, progress: Progress = silent) -> CheckedRecords:
    """Check an import without loading it; close the result."""

    def open_file() -> IO[bytes]:
        return store.open(record.artifact)

    dataset = get_dataset(record.dataset)
    with open_file() as file:
        sample = files.inspect(file, record.filename, record.dialect)
    mapping.check(record.mapping, sample.columns, dataset)
    policy = Policy.from_dict(record.policy, dataset)
    checks = Checks(utc_now().date(), policy, known_codes(session, policy, dataset))
    return check_records(open_file, sample, (dataset, record.mapping), checks, progress)
