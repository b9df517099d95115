"""Writes docs/database-schema.md from the tables that the code declares.

python -m webapp.schema_page docs/database-schema.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import mssql

import ml.db.tables  # noqa: F401
import webapp.models  # noqa: F401
import worker.models  # noqa: F401
from ml.db.base import Base

HEAD = """# The tables

Made from the code by `make schema`; a test fails when this page is out of date. Types are those of SQL Server.
Instants are in UTC. Every table is made and changed by the migrations in `migrations/versions` alone.
"""
DIALECT = mssql.dialect()  # type: ignore[no-untyped-call]


def page() -> str:
    """The page: a list of the tables, then each with its columns, keys and indexes."""
    classes = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    parts = [HEAD, f"{len(tables)} tables:", ""]
    parts += [f"- [`{table.name}`](#{table.name}): {first_sentence(classes.get(table.name))}" for table in tables]
    for table in tables:
        parts += ["", *section(table, classes.get(table.name))]
    return "\n".join(parts) + "\n"


def section(table: sa.Table, of_class: type | None) -> Iterator[str]:
    """One table."""
    yield f"## {table.name}"
    yield ""
    yield one_line(of_class.__doc__ or "") if of_class else "A link between tables."
    yield ""
    yield "| column | type | null | key |"
    yield "|---|---|---|---|"
    for column in table.columns:
        yield f"| `{column.name}` | {type_of(column)} | {'yes' if column.nullable else ''} | {keys_of(column)} |"
    if found := [*constraints(table), *indexes(table)]:
        yield ""
        yield from found


def type_of(column: sa.Column[object]) -> str:
    return str(column.type.compile(dialect=DIALECT))


def keys_of(column: sa.Column[object]) -> str:
    """Whether the column is the primary key, and what it refers to."""
    found = ["primary"] if column.primary_key else []
    found += [f"→ `{key.target_fullname}`" for key in sorted(column.foreign_keys, key=lambda key: key.target_fullname)]
    return ", ".join(found)


def constraints(table: sa.Table) -> Iterator[str]:
    """Unique and check constraints, in a fixed order."""
    lines = []
    for one in table.constraints:
        if isinstance(one, sa.UniqueConstraint):
            lines.append(f"- unique: {names(column.name for column in one.columns)}")
        elif isinstance(one, sa.CheckConstraint):
            text = one.sqltext.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True})
            lines.append(f"- check: `{one_line(str(text))}`")
    yield from sorted(lines)


def indexes(table: sa.Table) -> Iterator[str]:
    """Indexes, in a fixed order."""
    lines = []
    for one in table.indexes:
        where = one.dialect_options["mssql"].get("where")
        rest = "" if where is None else f" where `{one_line(str(where))}`"
        lines.append(f"- {'unique ' if one.unique else ''}index: {names(column.name for column in one.columns)}{rest}")
    yield from sorted(lines)


def names(found: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in found)


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def first_sentence(of_class: type | None) -> str:
    text = one_line((of_class.__doc__ or "") if of_class else "a link between tables.")
    return re.split(r"(?<=\.)\s", text)[0]


def main(arguments: list[str]) -> int:
    """Write the page to the file that is named."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m webapp.schema_page FILE\n")
        return 2
    Path(arguments[0]).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
