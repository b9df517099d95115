"""The commands: accounts, imports, and the demo that can be run again."""

from __future__ import annotations

import stat
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from click import ClickException
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from web_fixtures import SALES_CSV, MakeApp, Rows

from ml.db.imports import Import
from ml.demo import command as demo_data
from webapp.cli import demo, following
from webapp.models import User
from worker.models import JobRun, OutboxEvent

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Runs a command of the app."""

    def invoke(*arguments: str, **options: str) -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), **options)

    return invoke


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands give up at once where no worker runs."""
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(following, "POLL_SECONDS", 0.01)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    file = tmp_path / "sales.csv"
    file.write_text(SALES_CSV)
    return file


def finish(rows: Rows, loaded: int, *follow_ups: dict[str, object]) -> None:
    """Let the last import be loaded by its job, and lead to other jobs."""
    job = rows.last(JobRun)
    rows.change(Import, job.arguments["import_id"], state="loaded")
    rows.change(JobRun, job.id, state="succeeded", result={"rows_loaded": loaded})
    event = OutboxEvent(name="SalesImported", payload={})
    rows.add(event)
    for values in follow_ups:
        rows.add(JobRun(queue="train", arguments={}, caused_by=event.id, **values))


def test_created_user_can_sign_in_with_the_printed_password(run: Run, client: FlaskClient) -> None:
    done = run("users", "create", "--email", "First@Example.com", "--role", "admin")
    assert done.exit_code == 0
    password = done.output.rpartition("Password: ")[2].strip()
    answer = client.post("/api/v1/auth/login", json={"email": "first@example.com", "password": password})
    assert answer.json["user"]["role"] == "admin"


def test_password_from_standard_input_is_not_printed(run: Run, rows: Rows) -> None:
    done = run("users", "create", "--email", "a@b.c", "--role", "viewer", "--password-stdin", input="a good password\n")
    assert done.exit_code == 0
    assert "password" not in done.output.lower()
    assert rows.count(User) == 1


@pytest.mark.parametrize(
    ("given", "password", "message"),
    [
        (("--email", "nobody", "--role", "viewer"), "a good password", "no e-mail address"),
        (("--email", "a@b.c", "--role", "viewer"), "short", "5 characters"),
        (("--email", "a@b.c", "--role", "emperor"), "a good password", "emperor"),
    ],
)
def test_user_that_cannot_be_is_refused(
    run: Run, rows: Rows, given: tuple[str, ...], password: str, message: str
) -> None:
    done = run("users", "create", *given, "--password-stdin", input=password)
    assert done.exit_code != 0
    assert message in done.output
    assert rows.count(User) == 0


def test_address_is_taken_once(run: Run, make_user: Callable[[str], User]) -> None:
    make_user("viewer")
    done = run("users", "create", "--email", "VIEWER@example.com", "--role", "admin")
    assert done.exit_code == 1
    assert "already" in done.output


def test_import_is_queued_with_the_mapping_given(run: Run, rows: Rows, sales: Path) -> None:
    done = run("import", str(sales), "--map", "channel=Region", "--map", "region=")
    assert done.exit_code == 0, done.output
    row = rows.last(Import)
    assert (row.state, row.mapping["channel"]) == ("queued", "Region")
    assert "region" not in row.mapping
    assert rows.last(JobRun).requested_by == "command line"


def test_import_that_cannot_be_mapped_names_the_fields(run: Run, rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("a,b\nx,y\nz,w\n")
    done = run("import", str(tmp_path / "odd.csv"))
    assert done.exit_code == 1
    assert "mapping.sale_date: no column is chosen for Date" in done.output
    assert rows.count(Import) == 0


def test_malformed_map_option_is_refused(run: Run, sales: Path) -> None:
    done = run("import", str(sales), "--map", "Region")
    assert done.exit_code == 2
    assert "FIELD=COLUMN" in done.output


@pytest.mark.usefixtures("no_patience")
def test_waiting_ends_where_no_worker_runs(run: Run, sales: Path) -> None:
    done = run("import", str(sales), "--wait")
    assert done.exit_code == 1
    assert "make run" in done.output


@pytest.mark.usefixtures("no_patience")
def test_demo_makes_a_user_whose_password_only_its_owner_may_read(
    run: Run, client: FlaskClient, sales: Path, tmp_path: Path
) -> None:
    run("demo", "--data", str(sales))
    file = tmp_path / "demo-login.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    email, password = file.read_text().split()
    answer = client.post("/api/v1/auth/login", json={"email": email, "password": password})
    assert answer.json["user"]["role"] == "admin"


@pytest.mark.usefixtures("no_patience")
def test_demo_run_again_keeps_the_data_and_tells_the_login(
    run: Run, rows: Rows, sales: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "8042")
    run("demo", "--data", str(sales))
    done_jobs = [{"kind": kind, "state": "succeeded"} for kind in ("refresh", "train", "forecast")]
    finish(rows, 2, *done_jobs)
    for arguments in ([], ["--data", str(sales)]):
        done = run("demo", *arguments)
        assert done.exit_code == 0, done.output
        assert "nothing is loaded again" in done.output
        assert (tmp_path / "demo-login.txt").read_text().split()[1] in done.output
        assert "http://127.0.0.1:8042" in done.output
    assert rows.count(Import) == 1


@pytest.mark.usefixtures("no_patience")
def test_demo_loads_another_file_beside_what_is_there(run: Run, rows: Rows, sales: Path, tmp_path: Path) -> None:
    run("demo", "--data", str(sales))
    finish(rows, 2)
    other = tmp_path / "other.csv"
    other.write_text(SALES_CSV + "2024-01-05,West,Oregon,Salem,P-2,Paper,22.00,1\n")
    run("demo", "--data", str(other))
    assert rows.last(Import).filename == "other.csv"


@pytest.mark.usefixtures("no_patience")
def test_demo_goes_on_following_what_an_earlier_run_left(run: Run, rows: Rows, sales: Path) -> None:
    run("demo", "--data", str(sales))
    finish(rows, 2, {"kind": "refresh", "state": "queued"})
    done = run("demo")
    assert done.exit_code == 1
    assert "is being loaded already" in done.output
    assert "no worker is running" in done.output


@pytest.mark.usefixtures("no_patience")
def test_the_rest_of_the_demo_company_comes_after_its_first_forecast(
    run: Run, rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    early, late = tmp_path / demo.EARLY, tmp_path / demo.LATE
    size = ["--rows", "2000", "--months", "12"]
    demo_data.main(["--out", str(early), "--late", str(late), "--records", str(tmp_path), *size])
    monkeypatch.setattr(demo, "made_up", lambda: nullcontext(tmp_path))
    run("demo")
    assert [one.filename for one in rows.all(Import)] == [demo.EARLY]
    finish(rows, 2, *({"kind": kind, "state": "succeeded"} for kind in ("refresh", "train", "forecast")))
    again = run("demo")
    assert again.exit_code == 0, again.output
    files = [one.filename for one in rows.all(Import)]
    assert {demo.LATE, "stock.csv", "invoices.csv"} < set(files)
    assert len(files) == len(set(files)) == 2 + len(demo.STOCK) + len(demo.RECORDS)
    last = run("demo")
    assert last.exit_code == 1  # the last sales are followed, and nobody loads them
    assert "is being loaded already" in last.output
    assert rows.count(Import) == len(files)


def test_waiting_fails_with_the_error_of_a_job(app: Flask, run: Run, rows: Rows, sales: Path) -> None:
    run("import", str(sales))
    job_id = rows.last(JobRun).id
    failed = {"kind": "train", "state": "failed", "error": "not enough history: 1 of 3 months."}
    finish(rows, 2, {"kind": "refresh", "state": "succeeded"}, failed)
    with app.app_context(), pytest.raises(ClickException, match="1 of 3 months"):
        following.follow_import(job_id)


def test_waiting_ends_where_nothing_new_was_loaded(app: Flask, run: Run, rows: Rows, sales: Path) -> None:
    run("import", str(sales))
    finish(rows, 0)
    with app.app_context():
        following.follow_import(rows.last(JobRun).id)


def test_command_on_a_database_that_was_not_migrated_says_what_to_do(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    done = app.test_cli_runner().invoke(args=["users", "create", "--email", "a@b.c", "--role", "viewer"])
    assert done.exit_code == 1
    assert "db upgrade" in done.output
