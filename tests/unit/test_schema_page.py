"""The page of the tables is that of the tables."""

from __future__ import annotations

from pathlib import Path

from ml.db.base import Base
from ml.settings import ROOT
from webapp.schema_page import main, page

PAGE = ROOT / "docs/database-schema.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "the tables have changed: make schema"


def test_every_table_and_column_is_on_it() -> None:
    text = page()
    for table in Base.metadata.tables.values():
        part = text.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        assert part, table.name
        for column in table.columns:
            assert f"| `{column.name}` |" in part


def test_the_command_writes_the_file_that_is_named(tmp_path: Path) -> None:
    assert main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == page()
    assert main([]) == 2
