"""Devices that prove themselves with a client certificate in TLS."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.simulator.device_server import BASE, DeviceServer, enrollment_profile
from zmdm_simulator import pki
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.fleet.build import Clients
from zmdm_simulator.pki import Identity


@dataclass
class Door:
    """A TLS server that asks for a client certificate and remembers whose it saw."""

    url: str
    ca_file: str
    seen: list[bytes | None] = field(default_factory=list)


def _server_certificate(folder: Path) -> str:
    key, at = pki.new_key(), pki.now()
    name = pki.name([("CN", "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        builder.public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_text(Identity(certificate, key).to_pem())
    return str(path)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    file = _server_certificate(tmp_path)
    authority = tmp_path / "clients.pem"
    authority.write_bytes(pki.pem(DeviceServer().ca.identity.certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    found = Door("", file)

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert isinstance(self.connection, ssl.SSLSocket)
            found.seen.append(self.connection.getpeercert(binary_form=True))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    found.url = f"https://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_without_signmessage_the_certificate_is_shown_in_tls(door: Door) -> None:
    server = DeviceServer()
    profile = enrollment_profile(SignMessage=False).replace(
        f"{BASE}/c".encode(), f"{door.url}/c".encode()
    )
    at_the_door = Clients(ca_file=door.ca_file, insecure=False, connections=1)
    inside = server.client()
    device = SimulatedDevice("iPhone15,2", 7)
    # SCEP asks for no certificate; check-in and connect do.
    device.enroll(profile, http=lambda identity: at_the_door(identity) if identity else inside)
    device.connect()
    assert door.seen == [pki.der(device.own_identity.certificate)] * 3
    at_the_door.close()
