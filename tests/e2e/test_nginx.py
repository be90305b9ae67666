"""docs/deploy/nginx.conf, driven: TLS, client certificates, and everybody who borrows a header."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from flask import Flask

from tests.identities import expire, poll
from tests.processes import Child, wait_until
from tests.requirements import ROOT, nginx
from tests.road import Road, lay_road
from zmdm_simulator import conversation, enrollment, pki
from zmdm_simulator.device import SimulatedDevice
from zmdm_simulator.fleet.build import Clients
from zmdm_simulator.profile import load, mdm_of, scep_of
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.scep import ScepClient, ScepOptions
from zmdm_simulator.wire import CONNECT_TYPE

pytestmark = pytest.mark.needs("nginx")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Front:
    """A running nginx: its two doors, and what it writes down."""

    people: int
    devices: int
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        return {
            "ZMDM_BASE_URL": f"https://127.0.0.1:{self.people}",
            "ZMDM_MTLS_BASE_URL": f"https://127.0.0.1:{self.devices}",
            "ZMDM_TRUSTED_PROXIES": "127.0.0.1",
        }

    def log(self) -> str:
        return "".join(file.read_text() for file in self.folder.glob("*.log"))


def server_certificate(folder: Path) -> None:
    key, at = pki.new_key(), pki.now()
    name = pki.name([("CN", "127.0.0.1")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(pki.pem(certificate))
    (folder / "key.pem").write_bytes(pki.key_pem(key))


def configuration(front: Front, upstream: int) -> str:
    """The shipped file with the paths and ports of this test."""
    text = (ROOT / "docs" / "deploy" / "nginx.conf").read_text()
    temporary = "".join(
        f"{kind}_temp_path {front.folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    for former, present in (
        ("/etc/zmdm/tls", str(front.folder)),
        ("/var/log/nginx", str(front.folder)),
        ("127.0.0.1:8080", f"127.0.0.1:{upstream}"),
        ("http {", f"http {{\n{temporary}"),
    ):
        assert former in text
        text = text.replace(former, present)
    for port in (front.people, front.devices):
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;", 1)
    return text


@pytest.fixture
def front(tmp_path: Path) -> Front:
    return Front(free_port(), free_port(), tmp_path)


@pytest.fixture
def road(
    front: Front,
    make_app: Callable[..., Flask],
    sqlite_url: str,
    live_server: Callable[[Flask], str],
) -> Iterator[Road]:
    """A road that leads through nginx: hand `front.client` to its devices."""
    app = make_app(sqlite_url, **front.settings)
    server_certificate(front.folder)
    file = front.folder / "nginx.conf"
    file.write_text(configuration(front, int(live_server(app).rpartition(":")[2])))
    user = "user root;" if (front.folder.stat().st_uid == 0) else ""
    options = ["-g", f"daemon off; {user} pid {front.folder}/nginx.pid;"]
    command = [str(nginx()), "-p", str(front.folder), "-e", "stderr", "-c", str(file), *options]
    child = Child(command, front.folder / "nginx.out")
    child.start(lambda: listening(front.devices))
    try:
        with lay_road(app) as road:
            yield road
    finally:
        child.stop()


@pytest.fixture
def clients(road: Road, front: Front) -> Iterator[Clients]:
    """HTTP clients that trust the front, one for each TLS identity."""
    clients = Clients(ca_file=str(front.folder / "fullchain.pem"), insecure=False, connections=4)
    yield clients
    clients.close()


@pytest.fixture
def mac(road: Road, clients: Clients) -> SimulatedDevice:
    """A Mac that enrolled through the front, over the air."""
    return road.enrolled(profile=road.over_the_air(), http=clients, prover=Prover(Proof.AUTO))


def idle(mac: SimulatedDevice, url: str, client: httpx.Client, **headers: str) -> int:
    body = conversation.idle(mac, mac.channel())
    return client.put(
        url, content=body, headers={"Content-Type": CONNECT_TYPE, **headers}
    ).status_code


def test_a_device_lives_by_its_client_certificate(mac: SimulatedDevice) -> None:
    assert mac.installed.sign_message is False
    assert mac.connect().request_types == ["DeviceInformation", "SecurityInfo"]


def test_a_device_that_signs_is_heard_at_both_doors(mac: SimulatedDevice, front: Front) -> None:
    url = mac.installed.server_url
    for door in (url, url.replace(str(front.devices), str(front.people))):
        body = conversation.idle(mac, mac.channel())
        response = mac.wire.put(door, body, CONNECT_TYPE, prover=Prover(Proof.SIGNATURE))
        assert response.status_code == 200


@pytest.mark.parametrize("header", ["X-SSL-Client-Cert", "X_SSL_Client_Cert", "x-ssl-client-cert"])
def test_a_borrowed_certificate_in_a_header_proves_nothing(
    mac: SimulatedDevice, front: Front, clients: Clients, header: str
) -> None:
    borrowed = quote(pki.pem(mac.own_identity.certificate).decode(), safe="")
    url = mac.installed.server_url
    nobody, stranger = clients(None), clients(mac.stranger())
    at_people = url.replace(str(front.devices), str(front.people))
    assert idle(mac, url, nobody, **{header: borrowed}) == 400
    assert idle(mac, at_people, nobody, **{header: borrowed}) == 400
    assert idle(mac, url, stranger, **{header: borrowed}) == 400


def test_a_certificate_of_nobody_passes_tls_and_is_refused_by_us(mac: SimulatedDevice) -> None:
    response = poll(mac, mac.stranger())
    assert response.status_code == 400
    assert "nginx" not in response.text


def test_an_expired_certificate_is_renewed(road: Road, mac: SimulatedDevice) -> None:
    expire(road, mac)
    before = mac.own_identity.fingerprint
    assert "InstallProfile" in mac.connect().request_types
    assert mac.own_identity.fingerprint != before


def test_an_expired_certificate_keeps_method_and_body(road: Road, mac: SimulatedDevice) -> None:
    mac.connect()
    expire(road, mac)
    assert mac.set_bootstrap_token(b"x" * 100_000).status_code == 200


def test_a_request_line_of_eight_kilobytes_passes(road: Road, clients: Clients) -> None:
    loaded = load(road.profile)
    asked = scep_of(loaded.payload(mdm_of(loaded).identity_uuid) or {})
    asked = replace(asked, subject=(("CN", "x"), *(("OU", "x" * 60) for _ in range(45))))
    client = ScepClient(clients(None), asked, ScepOptions(method="GET"))
    assert client.transaction(road.keys(2048)).run()


def test_nothing_of_use_to_a_thief_is_logged(road: Road, front: Front, clients: Clients) -> None:
    link = road.over_the_air()
    phone = road.device("iPhone15,2", http=clients)
    enrollment.fetch(phone, link)
    phone.enroll(link)
    poll(phone)
    answered = "PUT /public/mdm/connect/ 200"  # nginx writes the line when the answer has gone out
    wait_until(lambda: answered in front.log(), what="nginx to write down the last request")
    log = front.log()
    assert link.rstrip("/").rpartition("/")[2] not in log
    assert "operation=" not in log


def test_the_devices_door_leads_nowhere_else(road: Road, front: Front, clients: Clients) -> None:
    assert clients(None).get(f"https://127.0.0.1:{front.devices}/mdm/").status_code == 404
