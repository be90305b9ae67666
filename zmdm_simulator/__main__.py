"""`python -m zmdm_simulator apple …` plays Apple, `… lookup …` its list of software updates,
`… dep …` its device assignment service, `… vpp …` Apps & Books, `… devices …` plays a fleet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from zmdm_simulator import software_lookup
from zmdm_simulator.apple import cli as apple
from zmdm_simulator.apple import dep_cli as dep
from zmdm_simulator.apple import vpp_cli as vpp
from zmdm_simulator.fleet import cli as fleet

ROLES: dict[str, Callable[[Sequence[str]], int]] = {
    "apple": apple.main,
    "dep": dep.main,
    "devices": fleet.main,
    "lookup": software_lookup.main,
    "vpp": vpp.main,
}


def main(argv: Sequence[str]) -> int:
    """Hand the arguments to the role that is played."""
    parser = argparse.ArgumentParser(prog="zmdm_simulator", description=__doc__)
    parser.add_argument("role", choices=sorted(ROLES))
    return ROLES[parser.parse_args(argv[:1]).role](argv[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
