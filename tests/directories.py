"""Where people are known, for real: an OpenID provider and an LDAP server, each a process.

with openid_provider(folder, {"sub": "ada", …}) as issuer: …
with Slapd(folder) as slapd: …      # slapd.url, slapd.ca_pem, slapd.stop(), slapd.start()
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from tests import requirements
from tests.processes import Child
from tests.servers import other_user, private_folder
from zmdm_simulator.apple import material
from zmdm_simulator.apple.material import Validity

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


_CONF = """\
modulepath /usr/lib/ldap
moduleload back_mdb
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
security simple_bind=128
database mdb
suffix "{base}"
directory {folder}/data
maxsize 16777216
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by * none
"""
_ENTRIES = """\
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {searcher}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: search
userPassword: {password}

dn: uid=ada,{base}
objectClass: inetOrgPerson
uid: ada
cn: Ada Lovelace
givenName: Ada
sn: Lovelace
mail: ada@example.com
departmentNumber: Analysis
jpegPhoto:: /9j/4AAQ
userPassword: correct horse battery

dn: uid=bob,{base}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob
mail: same@example.com
userPassword: correct horse battery

dn: uid=eve,{base}
objectClass: inetOrgPerson
uid: eve
cn: Eve
sn: Eve
mail: same@example.com
userPassword: correct horse battery
"""


class Slapd:
    """Debian's LDAP server, unprivileged, in a folder of its own, with TLS for `localhost`."""

    def __init__(self) -> None:
        self._user = other_user()
        self._folder = private_folder("zmdm-slapd-", self._user)
        self.tls_port, self.plain_port = free_port(), free_port()
        self._write()
        binary = requirements.slapd()
        assert binary is not None
        listening = f"ldaps://127.0.0.1:{self.tls_port} ldap://127.0.0.1:{self.plain_port}"
        command = [binary, "-f", str(self._folder / "slapd.conf"), "-h", listening, "-d", "0"]
        self._child = Child(command, self._folder / "log", user=self._user, cwd=self._folder)

    def __enter__(self) -> Slapd:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        self._child.start(lambda: listens(self.tls_port) and listens(self.plain_port))

    def stop(self) -> None:
        self._child.stop()

    def config(self, **changes: Any) -> dict[str, Any]:
        """What a realm says of it."""
        good = {
            "url": f"ldaps://localhost:{self.tls_port}",
            "base_dn": BASE,
            "bind_dn": SEARCHER,
            "ca": self.ca_pem,
        }
        return {**good, **changes}

    def _write(self) -> None:
        named = {"folder": self._folder, "base": BASE, "searcher": SEARCHER}
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "directory")])
        holds, key = Validity.of_days(2), material.new_key()
        authority = material.new_authority(name, holds)
        own = material.issue(
            authority,
            name,
            key=key,
            validity=holds,
            extensions=[x509.SubjectAlternativeName([x509.DNSName("localhost")])],
        )
        self.ca_pem = material.certificate_pem(authority.certificate).decode()
        (self._folder / "server.pem").write_bytes(material.certificate_pem(own))
        (self._folder / "server.key").write_bytes(material.key_pem(key))
        (self._folder / "slapd.conf").write_text(_CONF.format(**named))
        entries = _ENTRIES.format(**named, password=SEARCHER_PASSWORD)
        (self._folder / "entries.ldif").write_text(entries)
        (self._folder / "data").mkdir()
        binary = requirements.slapd()
        conf, ldif = self._folder / "slapd.conf", self._folder / "entries.ldif"
        fill = [str(binary), "-T", "add", "-f", str(conf), "-l", str(ldif)]
        subprocess.run(fill, check=True, capture_output=True, cwd=self._folder)
        if self._user is not None:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, self._user)
