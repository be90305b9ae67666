"""`make demo CHECK=1`: has every device done what a device does, as the server's database tells?"""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from host_app.demo.processes import Stage
from host_app.demo.samples import STORE_PLATFORMS

# "Enrolled" asks for a pinned identity that our own SCEP service has issued; "pushed" for the
# outcome that the push service (played, over HTTP/2) gave to the server.
# Of its blueprint's two ways, Macs before macOS 26 know only the command.
QUERY = """
WITH app AS (SELECT c.device_id, x.type, a.via FROM zmdm_channel_artifact a
  JOIN zmdm_channel c ON c.id = a.channel_id JOIN zmdm_artifact x ON x.id = a.artifact_id
  WHERE a.status = 'installed' AND x.type IN ('store_app', 'enterprise_app'))
SELECT d.name, d.model, d.serial_number, d.platform,
  CASE WHEN b.apps_via_ddm AND NOT (d.platform = 'macOS' AND CAST(d.os_version AS INTEGER) < 26)
    THEN 'declaration' ELSE 'command' END AS way,
  d.enrolled_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM zmdm_identity n JOIN zmdm_issued_certificate i ON i.fingerprint = n.fingerprint
    WHERE n.device_id = d.id AND n.state = 'active') AS enrolled,
  EXISTS (SELECT 1 FROM zmdm_channel c
    WHERE c.device_id = d.id AND c.kind = 'device' AND c.push_status = 200) AS pushed,
  d.device_information_at IS NOT NULL AS information,
  d.security_info_at IS NOT NULL AS security,
  EXISTS (SELECT 1 FROM zmdm_channel_artifact a JOIN zmdm_channel c ON c.id = a.channel_id
    WHERE c.device_id = d.id AND a.status = 'installed')
    AND NOT EXISTS (SELECT 1 FROM zmdm_channel_artifact a JOIN zmdm_channel c ON c.id = a.channel_id
    WHERE c.device_id = d.id AND a.status <> 'installed') AS artifacts,
  EXISTS (SELECT 1 FROM zmdm_licence l
    WHERE l.serial_number = d.serial_number AND l.held AND l.ours) AS licence,
  (SELECT via FROM app WHERE device_id = d.id AND type = 'store_app') AS store_app,
  (SELECT via FROM app WHERE device_id = d.id AND type = 'enterprise_app') AS package,
  e.kind = 'ade' AS assigned,
  e.realm_user_id IS NOT NULL AND EXISTS (SELECT 1 FROM zmdm_dep_device p
    WHERE p.serial_number = d.serial_number AND p.assignment = 'assigned') AS signed_in,
  EXISTS (SELECT 1 FROM zmdm_event v WHERE v.device_id = d.id AND v.kind = 'setup.waits')
    AND EXISTS (SELECT 1 FROM zmdm_event v
    WHERE v.device_id = d.id AND v.kind = 'setup.released') AS released
FROM zmdm_device d LEFT JOIN zmdm_enrollment_session e ON e.id = d.session_id
LEFT JOIN zmdm_blueprint b ON b.id = d.blueprint_id ORDER BY d.id
"""
STORE_APP = "installed the store app the way its blueprint says"
PACKAGE = "installed the package the way its blueprint says"
STEPS = (
    "enrolled over SCEP",
    "pushed",
    "answered DeviceInformation",
    "answered SecurityInfo",
    "installed what its blueprint brings",
    "got a licence for the store app",
    STORE_APP,
    PACKAGE,
    "signed in on a device that Apple has assigned",
    "waited in Setup Assistant and was let go",
)
SERIAL = re.compile(r"[A-Z0-9]{10,14}")
HEADINGS = (
    "name",
    "model",
    "serial",
    "enrolled",
    "pushed",
    "DeviceInformation",
    "SecurityInfo",
    "artifacts",
    "licence",
    "store app",
    "package",
    "signed in",
    "let go",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What one device has done; `steps` in the order of STEPS."""

    name: str
    model: str
    serial: str
    steps: tuple[bool | None, ...]
    """None: no step of this device."""
    assigned: bool = False
    way: str = ""
    """How apps go to it: by command or declaration."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Its line in the table."""
        words = {True: "yes", False: "no", None: "-"}
        marks = (
            self.way if taken and step in (STORE_APP, PACKAGE) else words[taken]
            for step, taken in zip(STEPS, self.steps, strict=True)
        )
        return (self.name, self.model, self.serial, *marks)

    @property
    def missing(self) -> list[str]:
        """The steps it has not taken."""
        return [step for step, taken in zip(STEPS, self.steps, strict=True) if taken is False]


class Check:
    """Reads the database now and then, and remembers what it last saw."""

    def __init__(self, stage: Stage) -> None:
        self._database = stage.folder.database
        self._log = stage.folder.path / "log"
        self._expected, self._assigned = stage.devices, stage.devices_of("ade")
        self._look_again_at = 0.0
        self.rows: list[Row] = []

    def passed(self) -> bool:
        """Whether nothing is missing any more; asks the database once a second at most."""
        if time.monotonic() >= self._look_again_at:
            self.rows = self._look()
            self._look_again_at = time.monotonic() + 1
        return not self.missing

    @property
    def missing(self) -> list[str]:
        """One line for each device that has steps before it."""
        lines = [
            f"{row.serial} ({row.name or row.model}) has not: {', '.join(row.missing)}"
            for row in self.rows
            if row.missing
        ]
        unseen = self._expected - len(self.rows)
        if unseen > 0:
            lines.append(f"{unseen} of {self._expected} devices have not: {STEPS[0]}")
        by_apple = sum(row.assigned for row in self.rows)
        if by_apple < self._assigned:
            missing = self._assigned - by_apple
            lines.append(f"{missing} of {self._assigned} devices of Apple's have not: {STEPS[0]}")
        return lines

    def report(self) -> Iterator[str]:
        """A table with a line per device, then what is missing."""
        yield from _table([HEADINGS, *(row.cells for row in self.rows)])
        for name, step in (("store app", STORE_APP), ("package", PACKAGE)):
            at = STEPS.index(step)
            ways = Counter(row.way for row in self.rows if row.steps[at])
            told = ", ".join(f"by {way} to {count}" for way, count in sorted(ways.items()))
            yield f"the {name} came {told or 'to no device'}"
        yield from self.missing or [f"all devices ({self._expected}) have done everything"]
        known = {row.serial for row in self.rows}
        for serial, words in last_words(self._log).items():
            if serial not in known:
                yield f"{serial} is not known to the server; it says: {words}"

    def _look(self) -> list[Row]:
        url = f"file:{self._database}?mode=ro"
        with closing(sqlite3.connect(url, uri=True, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            found = connection.execute(QUERY).fetchall()
        return [
            Row(
                name=one["name"] or "",
                model=one["model"] or "",
                serial=one["serial_number"] or "",
                steps=_steps(one),
                assigned=bool(one["assigned"]),
                way=one["way"],
            )
            for one in found
        ]


def _steps(one: sqlite3.Row) -> tuple[bool | None, ...]:
    """What the query says of a device, in the order of STEPS."""
    names = ("enrolled", "pushed", "information", "security", "artifacts")
    assigned, shopper = one["assigned"], one["platform"] in STORE_PLATFORMS
    return (
        *(bool(one[name]) for name in names),
        bool(one["licence"]) if shopper else None,
        one["store_app"] == one["way"] if shopper else None,
        one["package"] == one["way"] if one["platform"] == "macOS" else None,
        *(bool(one[name]) if assigned else None for name in ("signed_in", "released")),
    )


def _table(lines: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip()


def last_words(log: Path) -> dict[str, str]:
    """What each simulated device logged last: lines that begin with a serial number."""
    lines = [line for path in log.glob("devices-*.log") for line in path.read_text().splitlines()]
    words = (line.split(" ", 1) for line in lines)
    return {first: rest[0] for first, *rest in words if rest and SERIAL.fullmatch(first)}
