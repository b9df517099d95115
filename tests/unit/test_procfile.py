"""Reading a Procfile."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.errors import ConfigurationError
from ml.settings import ROOT
from worker.supervisor import procfile
from worker.supervisor.process import restart_delay


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "Procfile"
    path.write_text(text)
    return path


def test_reads_commands_in_their_order_without_comments(tmp_path: Path) -> None:
    path = write(tmp_path, "# what runs\n\nweb: gunicorn app:app\nworker:python -m worker work\n")
    assert list(procfile.read(path).items()) == [("web", "gunicorn app:app"), ("worker", "python -m worker work")]


def test_a_line_without_a_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"line 2: found 'worker'; expected `name: command`"):
        procfile.read(write(tmp_path, "web: gunicorn app:app\nworker\n"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no .*Procfile"):
        procfile.read(tmp_path / "Procfile")


def test_fills_in_variables_without_a_shell() -> None:
    words = procfile.arguments("serve --bind 127.0.0.1:$PORT '$NAME; rm x'", {"PORT": "8001", "NAME": "two words"})
    assert words == ["serve", "--bind", "127.0.0.1:8001", "two words; rm x"]


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"needs \$PORT"):
        procfile.arguments("serve $PORT", {})


def test_the_products_own_file_names_every_process() -> None:
    assert set(procfile.read(ROOT / "Procfile")) == {
        "release",
        "web",
        "relay",
        "scheduler",
        "worker",
        "interactive",
        "trainer",
        "watch",
        "demo",
    }


def test_waits_longer_after_each_failure_but_never_long() -> None:
    assert [restart_delay(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
