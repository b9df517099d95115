"""Secrets come from the environment or from files, and production starts with none that is missing or made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.environment import PASSWORDS, SECRETS, read_environment, secrets_of, with_password
from ml.errors import ConfigurationError
from ml.secrets import generate_key
from ml.settings import Settings
from webapp.config import WebSettings
from worker.__main__ import main
from worker.settings import WorkerSettings

RANDOM = "b7c0f1a95e2d4836b7c0f1a95e2d4836"
PRODUCTION = {
    "FORECASTLE_ENV": "production",
    "SECRET_KEY": RANDOM,
    "FORECASTLE_SECRET_KEY": generate_key(),
    "DATABASE_URL": f"postgresql://app:{RANDOM}@db/forecastle",
    "REDIS_URL": "redis://redis:6379/0",
}


@pytest.mark.parametrize("name", sorted(set(SECRETS) - set(PASSWORDS)))
def test_a_secret_may_lie_in_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "it").write_text(f"{RANDOM}\n")
    assert read_environment({f"{name}_FILE": str(tmp_path / "it"), "PORT": "1"}) == {name: RANDOM, "PORT": "1"}


def test_a_password_is_put_into_its_address(tmp_path: Path) -> None:
    (tmp_path / "it").write_text("p@ss:w/rd\n")
    env = {"DATABASE_URL": "mssql+pyodbc://app@sql:1433/forecastle?driver=ODBC+Driver+18+for+SQL+Server"}
    settings = Settings.from_env({**env, "DATABASE_PASSWORD_FILE": str(tmp_path / "it")})
    assert settings.database_url.startswith("mssql+pyodbc://app:p%40ss%3Aw%2Frd@sql:1433/forecastle?driver=ODBC+")
    workers = WorkerSettings.from_env({"REDIS_URL": "redis://r:6379/0", "REDIS_PASSWORD": "p@ss"})
    assert workers.redis_url == "redis://:p%40ss@r:6379/0"


def test_a_secret_given_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "it").write_text(RANDOM)
    with pytest.raises(ConfigurationError, match="SECRET_KEY and SECRET_KEY_FILE"):
        read_environment({"SECRET_KEY": RANDOM, "SECRET_KEY_FILE": str(tmp_path / "it")})
    with pytest.raises(ConfigurationError, match="DATABASE_URL holds a password"):
        with_password("postgresql://a:b@db/x", "c", "DATABASE_PASSWORD", "DATABASE_URL")


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_file_without_a_secret_is_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "it").write_text(text)
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FILE"):
        read_environment({"SECRET_KEY_FILE": str(tmp_path / "it")})


def test_production_starts_with_good_secrets(tmp_path: Path) -> None:
    env = {**PRODUCTION, "FORECASTLE_HOME": str(tmp_path)}
    assert WebSettings.from_env(env).secret_key == RANDOM
    assert WorkerSettings.from_env(env).ml.database_url.endswith("@db/forecastle")


@pytest.mark.parametrize("name", ["FORECASTLE_SECRET_KEY", "DATABASE_URL"])
def test_no_process_of_production_starts_without(tmp_path: Path, name: str) -> None:
    env = {**PRODUCTION, "FORECASTLE_HOME": str(tmp_path), name: " "}
    for settings in (Settings, WorkerSettings, WebSettings):
        with pytest.raises(ConfigurationError, match=f"^{name} is not set"):
            settings.from_env(env)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "change-me-" + RANDOM),
        ("SECRET_KEY", "0" * 64),
        ("FORECASTLE_SECRET_KEY", "your-secret-key-here"),
        ("DATABASE_URL", "mssql+pyodbc://sa:YourStrong%21Passw0rd@sql/forecastle"),
        ("DATABASE_URL", "postgresql://postgres:postgres@db/forecastle"),
    ],
)
def test_production_refuses_a_default(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} looks like a default"):
        WebSettings.from_env({**PRODUCTION, "FORECASTLE_HOME": str(tmp_path), name: value})


def test_the_message_shows_no_secret(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as found:
        WebSettings.from_env({**PRODUCTION, "FORECASTLE_HOME": str(tmp_path), "SECRET_KEY": "change-me-" + RANDOM})
    assert RANDOM not in str(found.value)


def test_what_logs_must_not_show() -> None:
    env = {"DATABASE_URL": "postgresql://a:p%40ss@db/x", "FORECASTLE_SECRET_KEY": "one,two", "SECRET_KEY": RANDOM}
    assert {"p@ss", "one", "two", RANDOM} <= set(secrets_of(env))
    assert not {"", "db"} & set(secrets_of(env))


@pytest.mark.parametrize("command", ["work", "relay", "schedule", "watch"])
def test_a_process_that_may_not_start_says_why_in_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORECASTLE_ENV", "production")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main([command]) == 1
    said = capsys.readouterr().err
    assert said.startswith("forecastle: DATABASE_URL is not set; production needs it")
    assert said.count("\n") == 1
