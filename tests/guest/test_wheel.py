"""The wheel alone, in an empty virtual environment: tests from beside this one, run against it.

The environment has the built wheel and nothing else of ours; what the wheel depends on is lent by
the environment that runs the tests, so that nothing is downloaded.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.requirements import ROOT

_SOURCES = ("zmdm_plugin", "zmdm_simulator", "setup.cfg", "pyproject.toml", "MANIFEST.in")
_TEXTS = ("LICENSE", "README.md", "CHANGES.md")
_ON_THE_WHEEL = ("api_and_csrf", "enrolled_device", "two_applications")
"""Devices, programs and administrators: whatever else there is was found by its name already."""
_JUNK = shutil.ignore_patterns("__pycache__", "*.pyc")


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """A command whose failure shows what it said."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    clean.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=cwd, env=clean | env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def build(folder: Path) -> Path:
    """The wheel, built from a copy, so that no build folder appears among the sources."""
    source = folder / "source"
    source.mkdir()
    for name in (*_SOURCES, *_TEXTS):
        place = ROOT / name
        if place.is_dir():
            shutil.copytree(place, source / name, ignore=_JUNK)
        else:
            shutil.copy(place, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """An empty environment with the wheel; gives its Python."""
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=wheel.parent)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"]
    run(*pip, "--no-deps", wheel, cwd=wheel.parent)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    return python


@pytest.fixture(scope="session")
def guest_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once for all xdist workers."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    with (shared / "guest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = shared / "guest"
        if not folder.exists():
            folder.mkdir()
            install(build(folder), folder / "venv")
        return folder / "venv" / "bin" / "python"


def test_the_wheel_carries_templates_scripts_and_types(guest_python: Path) -> None:
    inside = next((guest_python.parent.parent / "lib").glob("python*/site-packages/zmdm_plugin"))
    kept = (".py", ".mako", ".typed", ".html", ".css", ".js", ".svg", ".json", ".toml", ".txt")
    ours = {
        path.relative_to(ROOT / "zmdm_plugin").as_posix()
        for path in (ROOT / "zmdm_plugin").rglob("*")
        if path.suffix in kept and "__pycache__" not in path.parts
    }
    assert [name for name in sorted(ours) if not (inside / name).is_file()] == []


def test_the_wheel_brings_nothing_but_its_two_packages(guest_python: Path) -> None:
    folder = next((guest_python.parent.parent / "lib").glob("python*/site-packages"))
    names = {path.name for path in folder.iterdir() if not path.name.endswith(".dist-info")}
    assert names == {"lent.pth", "zmdm_plugin", "zmdm_simulator"}


@pytest.mark.timeout(300)
def test_the_guest_tests_pass_on_the_wheel(guest_python: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=_JUNK)
    (tmp_path / "tests" / "guest" / "test_wheel.py").unlink()
    files = [f"tests/guest/test_{name}.py" for name in _ON_THE_WHEEL]
    done = run(guest_python, "-m", "pytest", "-q", *files, cwd=tmp_path, CI="")
    where = run(guest_python, "-c", "import zmdm_plugin as z; print(z.__file__)", cwd=tmp_path)
    assert " passed" in done.stdout
    assert str(guest_python.parent.parent) in where.stdout
