"""Credentials: encrypted at rest, readable after a rotation of keys, shown and logged nowhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from ml.artifacts import ArtifactStore
from ml.errors import ConfigurationError, UpstreamError
from ml.pipelines.pull import pull_source
from ml.secrets import Secret, decrypt, encrypt, generate_key, scrub
from ml.settings import Settings
from tests.source_helpers import PASSWORD, engine_settings
from webapp.services.sources import SourceDraft, create_source, preview_source
from worker.supervisor.home import ensure_secret


def test_any_of_the_keys_reads_and_the_first_one_writes() -> None:
    old, new = generate_key(), generate_key()
    token = encrypt((old,), {"password": PASSWORD})
    assert PASSWORD not in str(token)
    assert decrypt((new, old), token) == {"password": PASSWORD}
    fresh = encrypt((new, old), {"password": PASSWORD})
    assert decrypt((new,), fresh) == {"password": PASSWORD}
    with pytest.raises(ConfigurationError, match="none of the keys"):
        decrypt((new,), token)
    assert encrypt((), {}) is None
    assert decrypt((), None) == {}


@pytest.mark.parametrize("keys", [(), ("short",), ("ü" * 44,)])
def test_without_a_proper_key_nothing_is_stored(keys: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="FORECASTLE_SECRET_KEY"):
        encrypt(keys, {"password": PASSWORD})


def test_texts_are_scrubbed_in_every_spelling() -> None:
    text = f"{PASSWORD} s3cret%2Fp%40ss%20word s3cret/p%40ss%20word s3cret%2Fp%40ss+word http://ann:other@host/x"
    assert scrub(text, {"password": PASSWORD}) == "*** *** *** *** http://ann:***@host/x"
    assert PASSWORD not in repr(Secret(password=PASSWORD)) + str(Secret(password=PASSWORD)) + f"{Secret(a=PASSWORD)}"


def test_the_installation_makes_a_key_once_and_the_environment_wins(tmp_path: Path) -> None:
    ensure_secret(tmp_path)
    made = Settings.from_env({"FORECASTLE_HOME": str(tmp_path)})
    ensure_secret(tmp_path)
    assert Settings.from_env({"FORECASTLE_HOME": str(tmp_path)}).secret_keys == made.secret_keys != ()
    assert (tmp_path / "sources.key").stat().st_mode & 0o077 == 0
    given = Settings.from_env({"FORECASTLE_HOME": str(tmp_path), "FORECASTLE_SECRET_KEY": "a, b"})
    assert given.secret_keys == ("a", "b")
    assert made.secret_keys[0] not in repr(made)


def test_credentials_are_in_no_file_no_log_and_no_error(
    session: Session, store: ArtifactStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = engine_settings(tmp_path, "127.0.0.1:1")
    address = "postgresql://ann:s3cret%2Fp%40ss%20word@127.0.0.1:1/erp"
    mapping = {"sale_date": "day", "product_code": "sku", "sales_amount": "amount"}
    http = {"url": "http://127.0.0.1:1/api", "auth": "query", "tries": 1}
    drafts = [
        SourceDraft("ERP", "sql", settings={"url": address, "table": "orders"}, mapping=mapping),
        SourceDraft("Shop", "http", settings=http, secret={"token": PASSWORD}, mapping=mapping),
    ]
    told = [repr(drafts[1])]
    for job, draft in enumerate(drafts):
        source = create_source(session, engine, draft, "ann")
        told.append(repr(source.settings))
        with pytest.raises(UpstreamError) as failed:
            pull_source(session, store, engine, source.id, job_id=job)
        session.rollback()
        with pytest.raises(UpstreamError) as unseen:
            preview_source(session, engine, source.id)
        told += [str(failed.value), str(unseen.value)]
    session.commit()
    session.execute(sa.text("SELECT 1"))
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()).decode("latin-1")
    for spelling in (PASSWORD, "s3cret%2Fp%40ss%20word", "s3cret%2Fp%40ss+word"):
        assert spelling not in " ".join(told) + caplog.text + stored
