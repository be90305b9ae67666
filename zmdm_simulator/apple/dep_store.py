"""The played organization in a file, so that what was assigned yesterday is assigned today.

It holds the secrets of server tokens, hence it is readable by its owner alone. Sessions are not
kept: a client that comes with one of yesterday is asked for a new one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from zmdm_simulator.apple.dep_books import Books
from zmdm_simulator.apple.dep_oauth import Credentials
from zmdm_simulator.apple.dep_organization import Organization
from zmdm_simulator.apple.dep_server import VirtualServer
from zmdm_simulator.apple.kept import Json, KeptFile


def to_json(organization: Organization) -> Json:
    """Everything but sessions, faults and the clock."""
    with organization.lock:
        return {name: _server(one) for name, one in organization.servers.items()}


def restore(organization: Organization, data: Json) -> None:
    """Make the organization what it was when `to_json` was called."""
    for name, kept in data.items():
        books = Books(organization.clock, bytes.fromhex(kept["books"]["secret"]))
        books.restore(kept["books"])
        server = VirtualServer(name, organization.name, books, organization.clock)
        for field in ("uuid", "consumer_key", "consumer_secret"):
            setattr(server, field, kept[field])
        server.tokens = {key: Credentials(**one) for key, one in kept["tokens"].items()}
        server.expiries = {
            key: datetime.fromisoformat(one) for key, one in kept["expiries"].items()
        }
        organization.servers[name] = server


def _server(server: VirtualServer) -> Json:
    return {
        "uuid": server.uuid,
        "consumer_key": server.consumer_key,
        "consumer_secret": server.consumer_secret,
        "tokens": {key: asdict(one) for key, one in server.tokens.items()},
        "expiries": {key: one.isoformat() for key, one in server.expiries.items()},
        "books": server.books.to_json(),
    }


class Store:
    """The organization in its file."""

    def __init__(self, path: Path | None) -> None:
        self._file = KeptFile(path)

    def load(self, organization: Organization) -> None:
        """Read the file, if there is one."""
        restore(organization, self._file.read())

    def save(self, organization: Organization) -> None:
        """Replace the file as a whole."""
        self._file.write(to_json(organization))
