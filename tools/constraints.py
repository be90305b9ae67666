"""Print constraints.txt: what is installed here of everything that setup.cfg leads to.

`make constraints` upgrades the virtual environment first; run `make lint test` before committing.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HEADER = """\
# The tested set: every version that `make test` last passed with, run time and tools.
# Ranges are in setup.cfg, pins are here. Refresh with `make constraints`, then `make lint test`.
"""


def declared(setup: Path) -> Iterator[Requirement]:
    """The requirements of the package and of all its extras."""
    config = configparser.ConfigParser()
    config.read(setup)
    texts = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    for text in texts:
        for line in text.splitlines():
            if line and not line.startswith("#"):
                yield Requirement(line)


def closure(requirements: Iterator[Requirement]) -> dict[str, str]:
    """name -> installed version of each requirement and of all they need on this machine."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        wanted = waiting.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        installed = distribution(wanted.name)
        found[key[0]] = installed.version
        needed = map(Requirement, installed.requires or ())
        waiting += [item for item in needed if _applies(item, wanted.extras)]
    return found


def _applies(requirement: Requirement, extras: set[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": name}) for name in extras or {""})


if __name__ == "__main__":
    pins = closure(declared(Path(__file__).resolve().parent.parent / "setup.cfg"))
    print(HEADER + "\n".join(f"{name}=={pins[name]}" for name in sorted(pins)))
