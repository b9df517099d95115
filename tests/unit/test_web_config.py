"""The web's settings are read strictly, and its start stays light."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from ml.errors import ConfigurationError
from webapp.config import WebSettings

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s" * 32
HEAVY = ("pandas", "prophet", "lightgbm", "xgboost", "sklearn", "numpy", "pyarrow", "alembic")

MEASURE = f"""
import sys, time
start = time.process_time()
import wsgi
print(time.process_time() - start, *[name for name in {HEAVY!r} if name in sys.modules])
"""


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
    with pytest.raises(ConfigurationError, match="SECRET_KEY is not set"):
        read(tmp_path, FORECASTLE_ENV="production")
    assert read(tmp_path, FORECASTLE_ENV="production", SECRET_KEY=SECRET).secret_key == SECRET


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


def test_start_takes_under_a_second_and_loads_no_heavy_library(tmp_path: Path) -> None:
    env = {**os.environ, "FORECASTLE_HOME": str(tmp_path)}
    fastest = math.inf
    for _ in range(4):  # a busy machine may slow some of them down
        run = subprocess.run(
            [sys.executable, "-c", MEASURE], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        seconds, *heavy = run.stdout.split()
        assert heavy == []
        fastest = min(fastest, float(seconds))
        if fastest < 1.0:
            return
    pytest.fail(f"the fastest of four starts took {fastest:.2f} s")


def test_import_opens_and_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {**os.environ, "FORECASTLE_HOME": str(home), "REDIS_URL": "unix:///nowhere/redis.sock"}
    subprocess.run([sys.executable, "-c", "import wsgi"], cwd=ROOT, env=env, check=True)
    assert not home.exists()
