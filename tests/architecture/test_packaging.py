"""What setup.cfg asks for and what constraints.txt pins fit together."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import ROOT
from tools.constraints import HEADER, declared

PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)


@pytest.mark.parametrize("requirement", list(declared(ROOT / "setup.cfg")), ids=str)
def test_a_requirement_is_pinned_within_its_range(requirement: Requirement) -> None:
    assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)])


def test_the_pins_say_how_they_are_refreshed() -> None:
    assert (ROOT / "constraints.txt").read_text("utf-8").startswith(HEADER)


def test_the_server_that_is_pinned_by_hash_is_the_one_that_was_tested() -> None:
    hashed = re.findall(r"^(\S+)==(\S+)", (ROOT / "tools/embedded.txt").read_text("utf-8"), re.M)
    assert hashed
    assert {name: PINS[name] for name, _ in hashed} == dict(hashed)
