"""Everything that can happen to a Mac's recovery password, in an order that dice choose: at every
moment the vault calls live what opens the Mac, and once things calm down, confirmed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from tests.hosts import ADMINISTRATOR
from tests.protecting import INTEL, SETS, SILICON, Protected, lay_protection
from tests.road import Road
from zmdm_plugin.errors import ZmdmError
from zmdm_plugin.services import devices, reveal, vault
from zmdm_plugin.services.protection import by_hand, replacing
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.script import Script

FAULTS = ("lose_answer", "lose_reply", "duplicate", "notnow", "error", "format_error", "silent")
GAPS = (0, 1, 20, 70, 300, 1500, 6000)
"""Minutes between two things."""
STEPS = 25


@dataclass
class Game:
    """One Mac, and what may happen to it."""

    protected: Protected
    mac: SimulatedDevice
    kind: str
    dice: random.Random
    told: list[str] = field(default_factory=list)

    def move(self) -> None:
        """Something happens, while answers to these commands go wrong."""
        name = SETS[self.kind]
        faulty = (name, name.replace("Set", "Verify"), "SecurityInfo", "RestartDevice")
        rules = [
            {"do": self.dice.choice(FAULTS), "command": one, "times": self.dice.choice((1, 2))}
            for one in faulty
            if self.dice.random() < 0.45
        ]
        self.mac.script = Script.load({"rules": rules})
        what = self.dice.choices(tuple(MOVES), (10, 3, 2, 3, 3, 2))[0]
        self.told.append(f"{what} {[(one['do'], one['command']) for one in rules]}")
        with suppress(ZmdmError):  # not everything is possible at any time, and that is said
            MOVES[what](self)

    def has(self) -> str | None:
        return self.mac.secrets.recovery_lock or self.mac.secrets.firmware

    def live(self) -> set[str]:
        found = self.protected.versions(self.mac, self.kind)
        return {value for state, value in found if state in ("confirmed", "pending")}

    def reveal(self) -> None:
        with self.protected.road.rows():
            row = self.protected.road.row(self.mac)
            reveal.reveal(ADMINISTRATOR, row, reveal.find("recovery_password"))

    def replace(self) -> None:
        with self.protected.road.rows():
            row = devices.locked(self.protected.road.row_id(self.mac))
            replacing.replace(ADMINISTRATOR, row, "recovery_password")

    def choose(self) -> None:
        with self.protected.road.rows():
            row = devices.locked(self.protected.road.row_id(self.mac))
            own = f"own-{self.dice.randrange(10**8):08}"
            by_hand.set_recovery_password(ADMINISTRATOR, row, own)

    def cleared(self) -> None:
        """Somebody took it off by other means."""
        self.mac.secrets.recovery_lock = self.mac.secrets.firmware = None


MOVES: Mapping[str, Callable[[Game], object]] = {
    "talk": lambda game: game.protected.talk(game.mac),
    "restart": lambda game: game.mac.restart(),
    "reveal": Game.reveal,
    "replace": Game.replace,
    "choose": Game.choose,
    "cleared": Game.cleared,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", [SILICON, INTEL])
def test_whatever_happens_what_opens_the_mac_is_live(road: Road, model: str, seed: int) -> None:
    protected = lay_protection(road)
    kind = vault.FIRMWARE_PASSWORD if model == INTEL else vault.RECOVERY_LOCK
    game = Game(protected, protected.mac(model), kind, random.Random(seed))
    minutes = 0
    for _ in range(STEPS):
        minutes += game.dice.choice(GAPS)
        with protected.later(minutes=minutes):
            game.move()
            assert game.has() is None or game.has() in game.live(), game.told
    game.mac.script = Script()
    for hours in (1, 30, 60, 200, 400):
        with protected.later(minutes=minutes, hours=hours):
            protected.talk(game.mac)
            game.mac.restart()
            protected.talk(game.mac)
    assert protected.opens(game.mac, kind), game.told
