"""The history of records: which import wrote what, and what is left when one of them is taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.db.bulk import in_lists, insert_rows, lock_for_writing
from ml.db.imports import Import, RecordVersion
from ml.db.keys import hash_key
from ml.etl.gather import Description
from ml.etl.record_store import (
    Written,
    insert_records,
    move_categories,
    read_records,
    record_of,
    remove_records,
    resolve,
    update_records,
)
from ml.etl.record_tables import RECORD_TABLES, Record, RecordTable, tables_of
from ml.progress import Progress, silent

CHUNK = 5_000


@dataclass(frozen=True)
class Entry:
    """What one import made of a record; None where it removed it."""

    import_id: int
    after: Record | None


@dataclass(frozen=True)
class Chain:
    """A record's history: what a person or the sales said (None: nothing), then what each import made of it."""

    base: Record | None
    entries: tuple[Entry, ...]

    def without(self, import_id: int) -> Chain:
        """The history as it would be had an import never happened."""
        return replace(self, entries=tuple(entry for entry in self.entries if entry.import_id != import_id))

    def replay(self, target: RecordTable, fields: Mapping[int, Collection[str]]) -> Chain:
        """Each import's fields laid over what was there before it, from the base on."""
        state, entries = self.base, []
        for entry in self.entries:
            if entry.after is None:
                state = None
            else:
                written = {name: entry.after[name] for name in fields[entry.import_id] if name in entry.after}
                state = target.complete({**(state or {}), **written})
            entries.append(Entry(entry.import_id, state))
        while entries and self.base is None and entries[0].after is None:
            entries.pop(0)  # it removed what is no more
        return Chain(self.base, tuple(entries))

    @property
    def current(self) -> Record | None:
        """The record as it is in its table."""
        return self.entries[-1].after if self.entries else self.base

    @property
    def owner(self) -> int | None:
        """The import that wrote it last."""
        return self.entries[-1].import_id if self.entries else None


def take_back(session: Session, record: Import, progress: Progress = silent) -> int:
    """Undo an import of records: the tables become as they would be had it never happened; returns how many changed.

    What later imports and people wrote stays. The caller sets the import's state and commits.
    Products and customers that other rows refer to keep their code.
    """
    changed = 0
    for target in tables_of(record.dataset):
        lock_for_writing(session, target.entity)
        keys = _versioned_keys(session, target, record.id)
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            rows = read_records(session, target, some)
            chains = _chains(session, target, some, rows)
            _rewrite(session, target, {key: chain.without(record.id) for key, chain in chains.items()}, rows)
            progress("taking back", start + len(some), len(keys))
        changed += len(keys) + _remove_made(session, target, record.id)
    return changed


def note_described(session: Session, dataset: str, described: Sequence[Description]) -> None:
    """Remember what other data sets say of products or customers that an import wrote, for when that is taken back."""
    target = RECORD_TABLES[dataset]
    said = {hash_key(item.code): item for item in described if item.name or item.category or item.subcategory}
    known = read_records(session, target, list(said))
    owned = [key for key, row in known.items() if row.import_id is not None]
    for start in range(0, len(owned), CHUNK):
        chains = _chains(session, target, owned[start : start + CHUNK], known)
        based = {key: replace(chain, base=_filled(target, chain.base, said[key])) for key, chain in chains.items()}
        _write_versions(session, target, {key: chain for key, chain in based.items() if chain.base != chains[key].base})


def _filled(target: RecordTable, base: Record | None, said: Description) -> Record:
    """A product or customer as it is described elsewhere: what was said first stays."""
    (code,) = (name for name, column in target.columns.items() if column == "code")
    known = base or target.complete({code: said.code})
    filled = {"name": known["name"] or said.name}
    if "category" in target.columns:
        filled["category"] = known["category"] or said.category
        belongs = filled["category"] == said.category
        filled["subcategory"] = known["subcategory"] or (said.subcategory if belongs else "")
    return {**known, **filled}


def _versioned_keys(session: Session, target: RecordTable, import_id: int) -> list[bytes]:
    """Records with a history that the import is a part of."""
    mine = sa.or_(RecordVersion.replaced_by == import_id, RecordVersion.import_id == import_id)
    query = sa.select(RecordVersion.key).where(RecordVersion.dataset == target.dataset, mine).distinct()
    return sorted(session.scalars(query))


def _remove_made(session: Session, target: RecordTable, import_id: int) -> int:
    """Remove what the import made and nobody touched since; it has no history."""
    table = target.table
    if not target.is_catalog:
        return session.connection().execute(sa.delete(table).where(table.c.import_id == import_id)).rowcount
    made = list(session.execute(sa.select(table.c.id, table.c.key).where(table.c.import_id == import_id)))
    remove_records(session, target, [row.id for row in made])
    move_categories(session, target, [row.key for row in made])
    return len(made)


def _chains(
    session: Session, target: RecordTable, keys: Sequence[bytes], rows: Mapping[bytes, Any]
) -> dict[bytes, Chain]:
    """The histories of some records, of which `rows` are there."""
    versions = _versions(session, target, keys)
    return {key: _chain(target, versions.get(key, []), rows.get(key)) for key in keys}


def _versions(session: Session, target: RecordTable, keys: Sequence[bytes]) -> dict[bytes, list[Any]]:
    found: dict[bytes, list[Any]] = defaultdict(list)
    columns = (RecordVersion.key, RecordVersion.import_id, RecordVersion.replaced_by, RecordVersion.record)
    for some in in_lists(keys):
        query = sa.select(*columns).where(RecordVersion.dataset == target.dataset, RecordVersion.key.in_(some))
        for row in session.execute(query.order_by(RecordVersion.id)):
            found[row.key].append(row)
    return found


def _chain(target: RecordTable, versions: Sequence[Any], row: Any) -> Chain:
    """Put a history together. A version is a record before an import; who made a record first has no version."""
    now = None if row is None else record_of(target, row)
    states = [(v.import_id, None if v.record is None else target.decode(v.record), v.replaced_by) for v in versions]
    states.append((None if row is None else row.import_id, now, None))
    base, entries, last = None, list[Entry](), None
    for owner, state, successor in states:
        if owner is not None and owner != last:  # it made the record, after it had not been there
            if entries:
                entries[-1] = replace(entries[-1], after=None)
            entries.append(Entry(owner, state))
        elif entries:
            entries[-1] = replace(entries[-1], after=state)
        else:
            base = state
        if successor is not None:
            entries.append(Entry(successor, None))
            last = successor
    return Chain(base, tuple(entries))


def _rewrite(session: Session, target: RecordTable, chains: Mapping[bytes, Chain], rows: Mapping[bytes, Any]) -> None:
    """Write records and versions as shortened histories have them; `rows` are the records as they are."""
    fields = _fields_of(session, target, {entry.import_id for chain in chains.values() for entry in chain.entries})
    replayed = {key: chain.replay(target, fields) for key, chain in chains.items()}
    remove_records(session, target, [row.id for key, row in rows.items() if replayed[key].current is None])
    there = {key: chain for key, chain in replayed.items() if chain.current is not None}
    ids = resolve(session, target, _references(target, there.values()))
    written: list[Written] = [(key, chain.current or {}, chain.owner) for key, chain in there.items()]
    update_records(session, target, [one for one in written if one[0] in rows], ids)
    insert_records(session, target, [one for one in written if one[0] not in rows], ids)
    _write_versions(session, target, replayed)
    move_categories(session, target, list(replayed))


def _write_versions(session: Session, target: RecordTable, chains: Mapping[bytes, Chain]) -> None:
    """Replace the versions of some records by those of their histories."""
    for some in in_lists(list(chains)):
        mine = sa.delete(RecordVersion).where(RecordVersion.dataset == target.dataset, RecordVersion.key.in_(some))
        session.execute(mine)
    rows = [(key, *version) for key, chain in chains.items() for version in _kept(target, chain)]
    columns = zip(*rows, strict=True) if rows else ()
    names = ("key", "import_id", "replaced_by", "record")
    written = {name: list(cells) for name, cells in zip(names, columns, strict=False)}
    insert_rows(session, RecordVersion, {"dataset": [target.dataset] * len(rows), **written})


def _kept(target: RecordTable, chain: Chain) -> Iterable[tuple[int | None, int, Record | None]]:
    """The versions of a history: what each import found, but for those that made the record."""
    owner, state = None, chain.base
    for entry in chain.entries:
        if state is not None:
            yield owner, entry.import_id, target.encode(state)
        elif entry.after is None:  # it removed what another had removed
            yield None, entry.import_id, None
        owner, state = entry.import_id, entry.after


def _references(target: RecordTable, chains: Iterable[Chain]) -> dict[str, list[Description]]:
    records = [chain.current for chain in chains if chain.current is not None]
    return {
        name: [Description(code) for code in dict.fromkeys(record[name] for record in records)]
        for name in target.references
    }


def _fields_of(session: Session, target: RecordTable, imports: Collection[int]) -> dict[int, Collection[str]]:
    """The fields that each import wrote: those of its mapping; all of the payments that invoices made."""
    found: dict[int, Collection[str]] = {}
    for some in in_lists(sorted(imports)):
        for number, dataset, mapping in session.execute(
            sa.select(Import.id, Import.dataset, Import.mapping).where(Import.id.in_(some))
        ):
            found[number] = list(mapping) if dataset == target.dataset else list(target.columns)
    return found
