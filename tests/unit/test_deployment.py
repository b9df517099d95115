"""The files of a deployment agree with the product: compose, nginx, Prometheus, Grafana, and the list of settings."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis

from ml.environment import PASSWORDS, SECRETS
from ml.settings import ROOT
from webapp import metrics
from webapp.queries import metrics as gauges
from webapp.security import HEADERS
from worker import health
from worker.alive import main as alive
from worker.queues import QUEUES
from worker.supervisor import procfile

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ONCE = {"database", "migrate"}
OURS = {name for name, service in SERVICES.items() if "FORECASTLE_IMAGE" in service["image"]}
SETTING = re.compile(r"[A-Z][A-Z0-9_]+")
ELSEWHERE = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "NUMBA_CACHE_DIR", "HTTP_PORT", "HTTPS_PORT", "GRAFANA_PORT"}
"""Names in .env.example that libraries or docker compose read, not the product."""

FOR_COMPOSE = {"NGINX_SITE", "MSSQL_PID", "FORECASTLE_IMAGE", "FORECASTLE_PROXY_IMAGE"}


def read_names() -> set[str]:
    """The settings that the code reads: the names in calls that are given an environment."""
    found = set(SECRETS) | {f"{name}_FILE" for name in SECRETS}
    for package in ("ml", "worker", "webapp"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and "env" in ast.unparse(node):
                    found |= {
                        one.value for one in node.args
                        if isinstance(one, ast.Constant) and isinstance(one.value, str) and SETTING.fullmatch(one.value)
                    }  # fmt: skip
    return found


def listed_names() -> set[str]:
    """The settings that .env.example lists, whether set or not."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {match[1] for line in lines if (match := re.match(r"#?([A-Z][A-Z0-9_]+)=", line))}


def test_every_setting_that_is_read_is_listed_and_every_listed_one_is_read() -> None:
    internal = {"FORECASTLE_HEARTBEAT_SECONDS", "FORECASTLE_LOST_AFTER_SECONDS", "FORECASTLE_RECONCILE_SECONDS"}
    internal |= {"FORECASTLE_POLL_SECONDS", "FORECASTLE_BACKOFF_SECONDS", "PROMETHEUS_MULTIPROC_DIR", "PATH"}
    internal |= {"INFO", "PASSIVE", "OMP_WAIT_POLICY", "REQUESTS_CA_BUNDLE"}
    read = {name for name in read_names() if not name.endswith("_FILE")}
    assert listed_names() - read - ELSEWHERE - FOR_COMPOSE == set()
    assert read - listed_names() - internal == set()


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_has_limits_and_every_lasting_one_a_health_check(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory"}
    assert ("healthcheck" in service) is (name not in ONCE)
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")
    if name not in ONCE:
        assert {"test", "interval", "timeout", "retries"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", sorted(OURS))
def test_our_containers_name_only_settings_that_exist_and_hold_no_secret(name: str) -> None:
    service = SERVICES[name]
    settings = service["environment"]
    assert set(settings) - read_names() == set()
    for secret in SECRETS:
        if secret not in PASSWORDS.values() and secret != "SENTRY_DSN":
            assert secret not in settings
    files = {value.rpartition("/")[2] for key, value in settings.items() if key.endswith("_FILE")}
    assert files == set(service["secrets"])
    assert files <= set(COMPOSE["secrets"])
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]


def test_one_process_of_each_kind_runs_and_every_queue_is_served() -> None:
    commands = {name: " ".join(SERVICES[name].get("command", ["web"])) for name in OURS}
    wanted = {
        "scheduler": "worker schedule", "relay": "worker relay", "worker": "worker work", "release": "db upgrade",
        "watch": "worker watch", "web": "web",
    }  # fmt: skip
    for process in set(procfile.read(ROOT / "Procfile")) - {"demo", "interactive", "trainer"}:
        assert any(wanted[process] in command for command in commands.values()), process
    served = [
        queue
        for name in OURS if name.startswith("worker")
        for queue in SERVICES[name]["environment"]["FORECASTLE_QUEUES"].split(",")
    ]  # fmt: skip
    assert sorted(served) == sorted(QUEUES)
    assert SERVICES["web"]["deploy"]["replicas"] == 2
    assert "replicas" not in SERVICES["scheduler"]["deploy"]


def test_one_machine_serves_every_queue_once() -> None:
    lines = procfile.read(ROOT / "Procfile").values()
    served = [name for line in lines for name in re.findall(r"FORECASTLE_QUEUES=(\S+)", line)]
    assert sorted(",".join(served).split(",")) == sorted(QUEUES)


def test_no_service_starts_before_the_database_is_migrated() -> None:
    for name in OURS - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_completed_successfully"}}


def test_redis_keeps_what_it_is_told_and_data_servers_are_not_reached_from_outside() -> None:
    assert "--appendonly yes" in SERVICES["redis"]["command"][2]
    assert COMPOSE["networks"]["data"]["internal"]
    for name in ("sqlserver", "redis"):
        assert SERVICES[name]["networks"] == ["data"]
        assert "ports" not in SERVICES[name]


def test_named_volumes_networks_and_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = str(volume).split(":")[0]
            if source.startswith("./"):
                path = ROOT / source.replace("${NGINX_SITE", "http")
                assert path.exists() or source in ("./deploy/tls",) or "NGINX_SITE" in source, source
            else:
                assert source in COMPOSE["volumes"]
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"])
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])


def test_secrets_are_made_once_and_pass_the_checks_of_production(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/make-secrets.sh", tmp_path / "deploy")
    for _ in range(2):
        subprocess.run(["sh", "deploy/make-secrets.sh"], cwd=tmp_path, check=True)
        kept = {path.name: path.read_text().strip() for path in (tmp_path / "deploy/secrets").iterdir()}
    again = {path.name: path.read_text().strip() for path in (tmp_path / "deploy/secrets").iterdir()}
    assert kept == again
    assert set(kept) == set(COMPOSE["secrets"])
    assert len(set(kept.values())) == len(kept)
    from webapp.config import WebSettings  # noqa: PLC0415

    web = SERVICES["web"]["environment"]
    env = {name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for name, value in web.items()}
    env = {name: value.replace("/run/secrets", str(tmp_path / "deploy/secrets")) for name, value in env.items()}
    settings = WebSettings.from_env({**env, "FORECASTLE_HOME": str(tmp_path)})
    assert settings.secret_key == kept["secret_key"]
    assert f"forecastle:{kept['database_password']}@sqlserver" in settings.engine.database_url


@pytest.mark.parametrize("site", ["http", "tls"])
def test_nginx_takes_its_configuration(tmp_path: Path, site: str) -> None:
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    own = tmp_path / "nginx"
    shutil.copytree(ROOT / "deploy/nginx", own / "forecastle")
    shutil.copy(own / "forecastle/nginx.conf", own)
    shutil.copy(own / f"forecastle/{site}.conf", own / "forecastle/active.conf")
    (own / "mime.types").write_text("types { text/css css; }")
    make_certificate(own / "tls")
    ran = subprocess.run([nginx, "-t", "-c", str(own / "nginx.conf")], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "warn" not in ran.stderr


def make_certificate(folder: Path) -> None:
    folder.mkdir()
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    files = ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt")]
    subprocess.run([*command, *files], check=True, capture_output=True)


def test_static_files_carry_the_headers_of_pages() -> None:
    found = dict(re.findall(r'add_header ([\w-]+) "([^"]+)" always;', (ROOT / "deploy/nginx/headers.conf").read_text()))
    assert found == HEADERS


def exported() -> set[str]:
    """The names of all metrics that the product exports."""
    source = ast.parse(Path(gauges.__file__).read_text(encoding="utf-8"))
    names = {
        node.value for node in ast.walk(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("forecastle_")
    }  # fmt: skip
    return names | {sample.name for family in metrics.OWN.collect() for sample in family.samples} | {
        "forecastle_requests_total", "forecastle_request_seconds_bucket", "forecastle_request_seconds_count",
    }  # fmt: skip


def expressions() -> list[str]:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((ROOT / "deploy/grafana/dashboards/forecastle.json").read_text())
    return found + [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]


def test_every_metric_of_dashboard_and_alerts_is_exported() -> None:
    named = {name for text in expressions() for name in re.findall(r"\bforecastle_\w+", text)}
    assert len(named) > 15
    assert named - exported() == set()


def test_every_alert_says_what_is_wrong_and_how_urgent_it_is() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    found = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len(found) > 10
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    panels = json.loads((ROOT / "deploy/grafana/dashboards/forecastle.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not taken & cells
        taken |= cells
        assert at["x"] + at["w"] <= 24


def test_a_health_check_asks_for_the_process_of_its_own_container(
    redis_client: Redis, worker_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in worker_env.items():
        monkeypatch.setenv(name, value)
    assert alive(["worker"]) == 1
    monkeypatch.setattr(health.socket, "gethostname", lambda: "another")
    health.report(redis_client, "worker", "another-1")
    assert alive(["worker"]) == 0
    monkeypatch.setattr(health.socket, "gethostname", lambda: "this")
    assert health.seen(redis_client, "worker")
    assert alive(["worker"]) == 1
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    assert alive(["worker"]) == 1
    assert alive(["cook"]) == 2
