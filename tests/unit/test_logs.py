"""Logs: lines or JSON, with ids, without secrets, in files that several processes share and rotate."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml import logs
from ml.db import audit
from ml.errors import ConfigurationError
from ml.logs import LogSettings
from ml.settings import ROOT, Settings

log = logging.getLogger("forecastle.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def lines(folder: Path, role: str = "web") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{role}.log").read_text().splitlines()]


def test_json_lines_carry_the_ids_of_request_and_job(tmp_path: Path) -> None:
    logs.configure(LogSettings("json", folder=tmp_path), "worker")
    with audit.going_back_to("request-1"), logs.about(job_id=7, attempt=2):
        log.info("%s rows", 3, extra={"fields": {"rows": 3}})
    log.warning("idle")
    first, second = lines(tmp_path, "worker")
    assert first["message"] == "3 rows"
    assert first["level"] == "INFO"
    assert first["role"] == "worker"
    assert (first["request_id"], first["job_id"], first["attempt"], first["rows"]) == ("request-1", 7, 2, 3)
    assert "request_id" not in second
    assert "job_id" not in second


def test_a_traceback_is_one_line_of_json(tmp_path: Path) -> None:
    logs.configure(LogSettings("json", folder=tmp_path), "web")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("failed")
    (line,) = lines(tmp_path)
    assert "ValueError: two\nlines" in line["traceback"]


def test_text_is_the_default_but_in_production(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(LogSettings.from_env({}), "web")
    with logs.about(job_id=7):
        log.info("hello")
    assert "INFO    forecastle.test: hello [job_id=7]" in capsys.readouterr().err
    assert LogSettings.from_env({"FORECASTLE_ENV": "production"}).format == "json"
    assert LogSettings.from_env({"FORECASTLE_ENV": "production", "FORECASTLE_LOG_FORMAT": "text"}).format == "text"


def test_configuring_again_replaces_what_was_set_up(tmp_path: Path) -> None:
    for _ in range(3):
        logs.configure(LogSettings("json", folder=tmp_path), "web")
    log.info("once")
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_wherever_they_stand(tmp_path: Path, form: str) -> None:
    logs.configure(LogSettings(form, folder=tmp_path, secrets=("key-of-the-house", 'qu"ote')), "web")
    try:
        raise ValueError("postgresql://app:hunter22@db/x key-of-the-house")
    except ValueError:
        log.exception(
            "Authorization: Bearer abc.def-123 and fct_0123456789abcdef0123 %s", {"k": "key-of-the-house"},
            extra={"fields": {"url": "redis://:hunter22@r:1", "quoted": 'qu"ote'}},
        )  # fmt: skip
    text = (tmp_path / "web.log").read_text()
    for secret in ("hunter22", "key-of-the-house", "abc.def-123", "fct_0123456789abcdef0123", 'qu\\"ote', 'qu"ote'):
        assert secret not in text
    assert "postgresql://app:***@db/x" in text


def test_what_the_environment_and_the_home_folder_keep_secret_is_known(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("signs-tokens\n")
    (tmp_path / "sources.key").write_text("encrypts-credentials\n")
    env = {"FORECASTLE_HOME": str(tmp_path), "DATABASE_URL": "postgresql://a:hunter22@db/x", "METRICS_TOKEN": "reads"}
    settings = Settings.from_env(env)
    assert {"signs-tokens", "encrypts-credentials", "hunter22", "reads"} <= set(settings.log.secrets)
    assert "hunter22" not in repr(settings)
    assert "signs-tokens" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FORECASTLE_LOG_FORMAT", "xml"),
        ("FORECASTLE_LOG_LEVEL", "loud"),
        ("FORECASTLE_LOG_MB", "0"),
        ("FORECASTLE_LOG_KEEP", "many"),
    ],
)
def test_a_malformed_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        LogSettings.from_env({name: value})


WRITE = """
import logging, sys
from ml.logs import Lines, RotatedFile
from pathlib import Path
handler = RotatedFile(Path(sys.argv[1]), 4000, 60)
handler.setFormatter(Lines(form="%(message)s"))
logging.getLogger().addHandler(handler)
for number in range(500):
    logging.warning("%s %04d ................................", sys.argv[2], number)
"""


def test_processes_that_share_a_file_rotate_it_without_losing_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITE, str(tmp_path / "x.log")]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("a", "b", "c")]
    assert [one.wait() for one in running] == [0, 0, 0]
    files = [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
    found = [line[:6] for file in files for line in file.read_text().splitlines()]
    assert sorted(found) == sorted(f"{name} {number:04d}" for name in "abc" for number in range(500))
    assert len(files) > 10
    assert max(file.stat().st_size for file in files) < 8000


def test_no_more_than_so_many_older_files_are_kept(tmp_path: Path) -> None:
    handler = logs.RotatedFile(tmp_path / "x.log", 100, 2)
    for number in range(50):
        handler.emit(logging.makeLogRecord({"msg": f"{number:040d}"}))
    handler.close()
    assert {file.name for file in tmp_path.iterdir()} == {"x.log", "x.log.1", "x.log.2", "x.log.lock"}
    assert "49" in (tmp_path / "x.log").read_text()
