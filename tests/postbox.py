"""A mail server that alerts are sent to: real SMTP, with TLS and a sign-in where a test wants them.

with postbox(folder) as box: …      # box.settings(), box.mails, box.refuses
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.x509.oid import NameOID

from zmdm_simulator.apple import material
from zmdm_simulator.apple.material import Validity

USER, PASSWORD = "mdm", "opens the postbox"
FROM, TO = "mdm@example.com", "ada@example.com"


@dataclass
class Postbox:
    """What has arrived, in order; answers with `refuses` instead of taking it if that is set."""

    port: int = 0
    ca_pem: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: str = ""
    refused_recipients: set[str] = field(default_factory=set)

    def settings(self, **changes: object) -> dict[str, object]:
        """What a host has to say to use it."""
        given = {
            "ZMDM_SMTP_HOST": "localhost",
            "ZMDM_SMTP_PORT": self.port,
            "ZMDM_SMTP_SECURITY": "none",
            "ZMDM_ALERT_FROM": FROM,
            "ZMDM_ALERT_TO": TO,
        }
        if self.ca_pem:
            given |= {"ZMDM_SMTP_SECURITY": "starttls", "ZMDM_SMTP_CA": self.ca_pem}
            given |= {"ZMDM_SMTP_USER": USER, "ZMDM_SMTP_PASSWORD": PASSWORD}
        return {**given, **changes}

    def subjects(self) -> list[str]:
        return [str(mail["Subject"]).partition("] ")[2] for mail in self.mails]

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused_recipients:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.refuses:
            return self.refuses
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def postbox(folder: Path, *, private: bool = False, port: int = 0) -> Iterator[Postbox]:
    """Serve on a free local port; `private`: by STARTTLS, and only to who knows the password."""
    box = Postbox()
    options: dict[str, Any] = {}
    if private:
        options = {"tls_context": _context(folder, box), "require_starttls": True}
        options |= {"auth_required": True, "authenticator": _authenticate}
    served = _Served(box, hostname="127.0.0.1", port=port, **options)
    served.start()
    try:
        box.port = served.server.sockets[0].getsockname()[1]
        yield box
    finally:
        served.stop()


class _Served(Controller):  # type: ignore[misc]
    """One that takes any free port: the shipped one wants to connect to the port it was given."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _authenticate(
    _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, given: Any
) -> AuthResult:
    wanted = LoginPassword(USER.encode(), PASSWORD.encode())
    return AuthResult(success=given == wanted, handled=False)


def _context(folder: Path, box: Postbox) -> ssl.SSLContext:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "postbox")])
    holds, key = Validity.of_days(2), material.new_key()
    authority = material.new_authority(name, holds)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    own = material.issue(authority, name, key=key, validity=holds, extensions=[names])
    box.ca_pem = material.certificate_pem(authority.certificate).decode()
    (folder / "postbox.pem").write_bytes(material.certificate_pem(own) + material.key_pem(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "postbox.pem")
    return context
