"""What many tests begin with, such as a published forecast, made by the first of them and copied for the others."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.db.base import Base

Make = Callable[[Session, ArtifactStore], object]


@dataclass(frozen=True)
class Made:
    """Rows by table, parents first, and a folder of artifacts."""

    rows: Sequence[tuple[sa.Table, list[dict[str, Any]]]]
    folder: tempfile.TemporaryDirectory[str]


_made: dict[str, Made] = {}


def once(session: Session, store: ArtifactStore, make: Make) -> None:
    """Have what `make` makes in the database and in the store, committed.

    `make` must need nothing but what is in code, and is known by its name. Servers count ids by themselves, so
    nothing is copied there.
    """
    name = f"{make.__module__}.{make.__qualname__}"
    if name in _made:
        for table, rows in _made[name].rows:
            session.execute(table.insert(), rows)
        shutil.copytree(_made[name].folder.name, store.url, dirs_exist_ok=True)
    else:
        before = {table.name for table, _ in _filled(session)}
        make(session, store)
        session.flush()
        if session.get_bind().dialect.name == "sqlite":
            folder = tempfile.TemporaryDirectory(prefix="made-")
            shutil.copytree(_existing(store), folder.name, dirs_exist_ok=True)
            _made[name] = Made([found for found in _filled(session) if found[0].name not in before], folder)
    session.commit()


def _existing(store: ArtifactStore) -> Path:
    path = Path(store.url)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _filled(session: Session) -> list[tuple[sa.Table, list[dict[str, Any]]]]:
    """All tables that hold rows."""
    written = {
        table: [column for column in table.c if column.computed is None] for table in Base.metadata.sorted_tables
    }
    found = ((table, session.execute(sa.select(*columns)).mappings()) for table, columns in written.items())
    return [(table, rows) for table, result in found if (rows := [dict(row) for row in result])]
