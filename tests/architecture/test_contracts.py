"""The floors hold, and no inner module escapes the list that keeps hosts on the public names."""

from __future__ import annotations

import subprocess
import sys
import tomllib

from tests.architecture.tree import ROOT

# What a host may import: the package itself, its errors and signals, and the embedded Redis that
# a host's own supervisor starts.
PUBLIC = {"__init__", "actors", "embedded", "errors", "logs", "policy", "signals"}


def contracts() -> dict[str, dict[str, object]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    return {item["id"]: item for item in config["tool"]["importlinter"]["contracts"]}


def test_the_import_contracts_are_kept() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_contract_of_hosts_names_every_inner_module() -> None:
    inner = {path.stem for path in (ROOT / "zmdm_plugin").iterdir() if path.suffix == ".py"}
    inner |= {path.parent.name for path in (ROOT / "zmdm_plugin").glob("*/__init__.py")}
    forbidden = contracts()["host"]["forbidden_modules"]
    assert isinstance(forbidden, list)
    assert {f"zmdm_plugin.{name}" for name in inner - PUBLIC} - set(forbidden) == set()


def test_a_module_without_a_floor_breaks_the_contract() -> None:
    floors = contracts()["floors"]
    assert floors["exhaustive"] is True
    assert floors["exhaustive_ignores"] == ["migrations"]
