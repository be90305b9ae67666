"""tools/bootstrap.py: an environment from whatever Python a machine has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALL = "import sys; sys.path.insert(0, 'tools'); import bootstrap; print(bootstrap.{})"


def call(what: str, shadows: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Call a function of it, with modules in `shadows` hiding those of the standard library."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if shadows is not None:
        env["PYTHONPATH"] = str(shadows)
    return subprocess.run(
        [sys.executable, "-c", CALL.format(what)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def lacking(folder: Path, module: str) -> Path:
    """A folder whose `module` hides the real one and cannot be used."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(f"raise ImportError('no {module}')\n")
    return folder


def test_without_a_venv_module_one_line_says_what_to_install(tmp_path: Path) -> None:
    shadows = lacking(tmp_path / "shadows", "venv")
    run = call(f"make_environment({str(tmp_path / 'env')!r})", shadows)
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1
    assert "apt-get install python3-venv" in run.stderr
    assert not (tmp_path / "env").exists()


def test_without_ensurepip_a_pip_outside_fills_the_environment(tmp_path: Path) -> None:
    shadows = lacking(tmp_path / "shadows", "ensurepip")
    run = call(f"make_environment({str(tmp_path / 'env')!r})", shadows)
    assert run.returncode == 0, run.stderr
    python = tmp_path / "env" / "bin" / "python"
    assert subprocess.run([python, "-m", "pip", "--version"], check=False).returncode == 0


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "precious").touch()
    run = call(f"make_environment({str(tmp_path / 'env')!r})")
    assert "is in the way" in run.stderr
    assert (tmp_path / "env" / "precious").exists()


def test_what_was_installed_from_other_sources_counts_for_nothing(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp"
    stamp.write_text('{"fingerprint": "old", "extras": ["host"]}')
    assert call(f"read_stamp({str(stamp)!r}, 'new')").stdout == "set()\n"
    assert call(f"read_stamp({str(stamp)!r}, 'old')").stdout == "{'host'}\n"
