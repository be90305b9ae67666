"""Where people are known, for real: an OpenID provider and an LDAP server, each a process.

with openid_provider(folder, {"sub": "ada", …}) as issuer: …
with Slapd(folder) as slapd: …      # slapd.url, slapd.ca_pem, slapd.stop(), slapd.start()
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.processes import Child

PRIVATE = "127.0.0.0/8, ::1"
"""For ZMDM_PRIVATE_NETWORKS: both stand on the loopback."""
BASE = "dc=example,dc=com"
SEARCHER, SEARCHER_PASSWORD = f"cn=search,{BASE}", "only searches"


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def openid_provider(folder: Path, *people: Mapping[str, Any]) -> Iterator[str]:
    """The issuer of a provider that knows these people, in a process of its own."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    for person in people:
        command += ["--user-claims", json.dumps(dict(person))]
    child = Child(command, folder / "openid.log")
    child.start(lambda: listens(port))
    try:
        yield f"http://localhost:{port}"
    finally:
        child.stop()
