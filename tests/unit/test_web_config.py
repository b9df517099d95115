"""The web's settings are read strictly, and its start stays light."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pytest

from ml.errors import ConfigurationError
from ml.secrets import generate_key
from webapp.config import WebSettings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s" * 32
HEAVY = ("pandas", "prophet", "lightgbm", "xgboost", "sklearn", "numpy", "pyarrow", "alembic")

MEASURE = f"""
import sys, time
start = time.process_time()
import flask, flask_openapi, redis, sqlalchemy.orm
frameworks = time.process_time() - start
import wsgi
whole = time.process_time() - start
print(whole / frameworks, *[name for name in {HEAVY!r} if name in sys.modules])
"""
LONGEST = 4.0
"""How often the time that the frameworks take to load; `python -m bench.start` measures seconds on an idle machine."""


def read(home: Path, **env: str) -> WebSettings:
    return WebSettings.from_env({"FORECASTLE_HOME": str(home), **env})


def test_defaults_are_those_of_one_machine(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert settings.secret_key == ""
    assert settings.redis_url.startswith("unix://")
    assert not settings.https
    assert settings.access_lifetime == timedelta(minutes=15)


def test_secret_of_the_supervisor_is_found(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(SECRET + "\n")
    assert read(tmp_path).secret_key == SECRET
    assert read(tmp_path, SECRET_KEY="t" * 32).secret_key == "t" * 32


def test_production_takes_its_secret_from_the_environment_only(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text(SECRET)
    given = {"FORECASTLE_ENV": "production", "DATABASE_URL": "sqlite:////data/it.db"}
    given["FORECASTLE_SECRET_KEY"], random = generate_key(), token_hex(32)
    with pytest.raises(ConfigurationError, match=r"^SECRET_KEY is not set"):
        read(tmp_path, **given)
    assert read(tmp_path, **given, SECRET_KEY=random).secret_key == random


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "too short"),
        ("FORECASTLE_ENV", "staging"),
        ("FORECASTLE_HTTPS", "maybe"),
        ("FORECASTLE_PROXIES", "-1"),
        ("MAX_UPLOAD_MB", "0"),
        ("ACCESS_TOKEN_MINUTES", "soon"),
    ],
)
def test_malformed_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read(tmp_path, **{name: value})


def test_start_takes_little_beside_its_frameworks_and_loads_no_heavy_library(tmp_path: Path) -> None:
    env = {**os.environ, "FORECASTLE_HOME": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", MEASURE], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
        for _ in range(3)
    ]
    ratios, *heavy = zip(*(run.stdout.split() for run in runs), strict=True)
    assert heavy == []
    assert min(map(float, ratios)) < LONGEST


def test_import_opens_and_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {**os.environ, "FORECASTLE_HOME": str(home), "REDIS_URL": "unix:///nowhere/redis.sock"}
    subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, env=env, check=True)
    assert not home.exists()
