"""Sending mail: one connection for some messages, and what went wrong in words.

https://www.rfc-editor.org/rfc/rfc5321
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any, cast

from zmdm_plugin.clients import places
from zmdm_plugin.clients.trust import roots

TIMEOUT = 5.0
"""Seconds without a word."""
LIMIT = 15.0
"""Seconds for a whole session, however slowly the server talks: the scheduler waits for it."""
_SLOW = "the mail server is too slow, or never comes to an end"


class MailError(Exception):
    """It was not sent; the message says why, in words. `whole`: nothing else would be, either."""

    def __init__(self, why: str, *, whole: bool) -> None:
        super().__init__(why)
        self.whole = whole


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where and how; `security` is starttls, tls or none."""

    host: str
    port: int
    security: str
    ca_pem: str = ""
    user: str = ""
    password: str = field(default="", repr=False)


class Connection:
    """A session with the server."""

    def __init__(self, smtp: smtplib.SMTP, over: threading.Event) -> None:
        self._smtp = smtp
        self._over = over

    def send(self, message: EmailMessage) -> str | None:
        """Hand it over; None, or who was refused although others were not. Raises MailError."""
        try:
            refused = self._smtp.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise MailError(_refusals(error.recipients), whole=False) from error
        except smtplib.SMTPResponseException as error:
            whole = isinstance(error, smtplib.SMTPSenderRefused) or error.smtp_code == 421
            why = f"the mail server refuses it ({_said(error.smtp_code, error.smtp_error)})"
            raise MailError(why, whole=whole) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailError(_words(error, self._over), whole=True) from error
        return _refusals(refused) if refused else None


@contextmanager
def connected(server: MailServer, *, within: float = LIMIT) -> Iterator[Connection]:
    """Connect, make it private, sign in; all ends `within` these seconds. Raises MailError."""
    smtp = _client(server)
    done, over = threading.Event(), threading.Event()
    about = (smtp, within, done, over)
    threading.Thread(target=_cut_off, args=about, name="zmdm-mail", daemon=True).start()
    try:
        try:
            _open(smtp, server, over)
        except (OSError, smtplib.SMTPException, places.Unreachable) as error:
            smtp.close()
            raise MailError(_words(error, over), whole=True) from error
        try:
            yield Connection(smtp, over)
        finally:
            _leave(smtp)
    finally:
        done.set()


def _client(server: MailServer) -> smtplib.SMTP:
    """Not connected yet, so that a connection that does not come to its end can be cut off."""
    smtp: smtplib.SMTP
    if server.security == "tls":
        smtp = smtplib.SMTP_SSL(timeout=TIMEOUT, context=roots(server.ca_pem, protocol="smtp"))
    else:
        smtp = smtplib.SMTP(timeout=TIMEOUT)
    cast(Any, smtp)._host = server.host  # whose certificate is asked for; connect() does not say it
    return smtp


def _open(smtp: smtplib.SMTP, server: MailServer, over: threading.Event) -> None:
    code, text = _connect(smtp, server, over)
    if code != 220:
        raise smtplib.SMTPConnectError(code, text)
    if server.security == "starttls":
        smtp.starttls(context=roots(server.ca_pem, protocol="smtp"))
    if server.user:
        smtp.login(server.user, server.password)


def _connect(smtp: smtplib.SMTP, server: MailServer, over: threading.Event) -> tuple[int, bytes]:
    """To the first of its addresses that takes us; smtplib would wait for its name without end."""
    addresses = places.look_up(server.host, server.port, within=TIMEOUT)
    for number, address in enumerate(addresses, start=1):
        try:
            return smtp.connect(address, server.port)
        except (OSError, smtplib.SMTPServerDisconnected):
            smtp.close()
            if over.is_set() or number == len(addresses):
                raise
    raise OSError(f"{server.host} has no address")


def _cut_off(
    smtp: smtplib.SMTP, within: float, done: threading.Event, over: threading.Event
) -> None:
    """End what takes too long, again and again: another address may be tried meanwhile."""
    if done.wait(within):
        return
    over.set()
    while not done.wait(0.1):
        if (sock := smtp.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _leave(smtp: smtplib.SMTP) -> None:
    """What was taken is taken, whatever becomes of the goodbye."""
    try:
        smtp.quit()
    except (OSError, smtplib.SMTPException):
        smtp.close()


def _words(error: Exception, over: threading.Event) -> str:
    if over.is_set():
        return _SLOW
    match error:
        case smtplib.SMTPAuthenticationError():
            said = _said(error.smtp_code, error.smtp_error)
            return f"the mail server refuses the user or the password ({said})"
        case smtplib.SMTPNotSupportedError():
            return "the mail server does not offer STARTTLS, or no sign-in that we know"
        case smtplib.SMTPResponseException():
            return f"the mail server refuses ({_said(error.smtp_code, error.smtp_error)})"
        case smtplib.SMTPServerDisconnected():
            return "the mail server has hung up"
        case ssl.SSLCertVerificationError():
            return f"the certificate of the mail server does not hold: {error.verify_message}"
        case ssl.SSLError():
            return "the mail server does not speak TLS as ZMDM_SMTP_SECURITY says"
        case TimeoutError():
            return "the mail server does not answer within some seconds"
        case places.Unreachable():
            return f"the mail server cannot be reached ({error})"
    return f"the mail server cannot be reached ({getattr(error, 'strerror', None) or error})"


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    who = ", ".join(f"{address}: {_said(*why)}" for address, why in refused.items())
    return f"the mail server refuses recipients ({who})"[:500]


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:200]
