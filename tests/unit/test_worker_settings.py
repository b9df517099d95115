"""Settings of the worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.errors import ConfigurationError
from worker.queues import QUEUES
from worker.settings import WorkerSettings


def test_nothing_set_gives_the_embedded_shape(tmp_path: Path) -> None:
    settings = WorkerSettings.from_env({"FORECASTLE_HOME": str(tmp_path)})
    assert settings.redis_url == f"unix://{tmp_path}/valkey.sock"
    assert settings.queues == QUEUES
    assert str(settings.timezone) == "UTC"
    assert settings.lost_after_seconds == 15.0


def test_settings_are_read_from_the_environment(tmp_path: Path) -> None:
    env = {
        "FORECASTLE_HOME": str(tmp_path),
        "REDIS_URL": "redis://cache:6379/1",
        "FORECASTLE_TIMEZONE": "Europe/Berlin",
        "FORECASTLE_POLL_SECONDS": "0.05",
        "FORECASTLE_HEARTBEAT_SECONDS": "1",
    }
    settings = WorkerSettings.from_env(env)
    assert settings.redis_url == "redis://cache:6379/1"
    assert str(settings.timezone) == "Europe/Berlin"
    assert (settings.poll_seconds, settings.heartbeat_seconds) == (0.05, 1)


def test_a_worker_for_some_queues_keeps_their_order_of_priority() -> None:
    assert WorkerSettings.from_env({"FORECASTLE_QUEUES": "train, ingest"}).queues == ("ingest", "train")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("FORECASTLE_QUEUES", "ingest,lunch", "names lunch; expected some of interactive, deliver, ingest"),
        ("FORECASTLE_TIMEZONE", "Mars/Olympus", "expected a name such as UTC or Europe/Berlin"),
        ("FORECASTLE_TIMEZONE", "../etc/passwd", "expected a name such as UTC or Europe/Berlin"),
        ("FORECASTLE_POLL_SECONDS", "often", "expected a number of seconds above 0, such as 0.25"),
        ("FORECASTLE_POLL_SECONDS", "0", "expected a number of seconds above 0"),
        ("FORECASTLE_POLL_SECONDS", "nan", "expected a number of seconds above 0"),
        ("FORECASTLE_DRAIN_SECONDS", "inf", "expected a number of seconds above 0"),
        ("FORECASTLE_HEARTBEAT_SECONDS", "1.5", "expected a whole number"),
        ("FORECASTLE_LOST_AFTER_SECONDS", "5", "at least twice FORECASTLE_HEARTBEAT_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_expected(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        WorkerSettings.from_env({name: value})
    assert str(caught.value).startswith(name)
