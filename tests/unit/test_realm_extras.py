"""Backends whose extra is not installed: everything else works, and the error names the extra."""

from __future__ import annotations

import subprocess
import sys

import pytest

_WITHOUT = """\
import sys
sys.modules[{package!r}] = None  # as Python does for what cannot be imported
from zmdm_plugin.errors import ConfigError
from zmdm_plugin.services.realms import provider
assert provider.module("local")
try:
    provider.module({backend!r})
except ConfigError as error:
    print(error)
"""


@pytest.mark.parametrize(("backend", "package"), [("oidc", "authlib"), ("ldap", "ldap3")])
def test_a_missing_extra_is_named(backend: str, package: str) -> None:
    code = _WITHOUT.format(backend=backend, package=package)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"zmdm-plugin[{backend}]" in done.stdout
