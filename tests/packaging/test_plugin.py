"""``twistd ftps`` and ``twist ftps`` are there after a normal and after an editable installation."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pip(environment: Path, *arguments: str) -> None:
    subprocess.run(
        [environment / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *arguments],
        check=True,
        timeout=300,
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], check=True, cwd=ROOT)
    return next(folder.glob("*.whl"))


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_plugin_is_listed(kind, wheel, tmp_path):
    """The ``ftps`` command is listed by twistd and twist in a new virtual environment, and its options are shown."""
    venv.create(tmp_path, with_pip=True)
    pip(tmp_path, *([wheel] if kind == "wheel" else ["--editable", str(ROOT)]))
    for program in ("twistd", "twist"):
        shown = subprocess.run(
            [tmp_path / "bin" / program, "--help"], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
        assert "ftps " in shown.stdout, (shown.stdout, shown.stderr)
    options = subprocess.run(
        [tmp_path / "bin/twistd", "ftps", "--help"], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert "--config" in options.stdout, (options.stdout, options.stderr)
    assert "--auth" in options.stdout
    version = subprocess.run(
        [tmp_path / "bin/ftpstwist", "version"], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True
    )
    assert "ftpstwist" in version.stdout


def test_wheel_holds_what_it_should(wheel):
    """The wheel has the plugin and the type marker, and no ``__init__`` that would hide Twisted's own plugins."""
    listed = subprocess.run([sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True)
    names = {line.split()[0] for line in listed.stdout.splitlines()[1:]}
    assert {"twisted/plugins/ftpstwist_ftps.py", "ftpstwist/py.typed", "ftpstwist/tap.py"} <= names
    assert not [name for name in names if name in {"twisted/__init__.py", "twisted/plugins/__init__.py"}]
    assert not [name for name in names if name.startswith("tests/")]


def test_importing_the_plugin_is_cheap():
    """``twistd --help`` imports every plugin: ours brings in nothing of the server."""
    code = (
        "import sys, twisted.plugins, twisted.application.service; before = set(sys.modules);"
        "import twisted.plugins.ftpstwist_ftps; print(sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert loaded.stdout.strip() == "['twisted.plugins.ftpstwist_ftps']"
