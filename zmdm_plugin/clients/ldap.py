"""A directory over LDAP: somebody is searched for with our account, then bound as with theirs.

Only with TLS: ldaps, or StartTLS before anything is said. The connection goes to an address that
was checked, and the certificate is checked for the name that the operator gave.
https://www.rfc-editor.org/rfc/rfc4511 https://www.rfc-editor.org/rfc/rfc4513
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException, LDAPSocketOpenError
from ldap3.utils.conv import escape_filter_chars

from zmdm_plugin.clients import places
from zmdm_plugin.clients.trust import roots
from zmdm_plugin.errors import ZmdmError

TIMEOUT = 5
"""Seconds for each step."""
SUBJECTS = ("entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID")
"""Attributes that no entry ever has again, of the usual directories."""
PLACEHOLDER = "{username}"
_SUCCESS, _INVALID_CREDENTIALS, _SIZE_LIMIT = 0, 49, 4
_NOT_THERE = 32
_MOST_BYTES = 1024
_MISREAD = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What ldap3 raises over an answer that is no LDAP."""


class LdapFailed(ZmdmError):
    """The directory cannot be asked, or what it says cannot be used; in words."""

    status = 503


class LdapWrongPassword(ZmdmError):
    """There is no such entry, or its password is another."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Where the directory is and how it is searched."""

    host: str
    port: int
    starttls: bool
    ca_pem: str
    base_dn: str
    bind_dn: str
    bind_password: str = field(repr=False)
    user_filter: str
    """With `{username}` where the name that was typed goes."""
    private: Sequence[places.Network]
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Somebody, as the directory knows them."""

    dn: str
    attributes: dict[str, list[str]]
    subject: str | None


def sign_in(
    directory: Directory, username: str, password: str, *, attributes: Sequence[str]
) -> Entry:
    """Whose password it is; LdapWrongPassword or LdapFailed."""
    if not password:
        raise LdapWrongPassword("an empty password proves nothing")  # RFC 4513, 5.1.2
    found = _search(directory, username, attributes)
    if len(found) > 1:
        raise LdapFailed("the filter finds more than one entry for this username")
    if not found:
        raise LdapWrongPassword("the username or the password is wrong")
    with _connected(directory) as connection:
        connection.rebind(user=found[0].dn, password=password, authentication=ldap3.SIMPLE)
        code, said = _result(connection)
    if code == _INVALID_CREDENTIALS:
        raise LdapWrongPassword("the username or the password is wrong")
    if code != _SUCCESS:
        raise LdapFailed(f"the directory did not check the password ({said})")
    return found[0]


def look(directory: Directory) -> str:
    """Connect, sign in with our account and look at the base; what was found, in words."""
    with _searching(directory) as connection:
        connection.search(
            directory.base_dn,
            "(objectClass=*)",
            search_scope=ldap3.BASE,
            attributes=[ldap3.NO_ATTRIBUTES],
            time_limit=int(TIMEOUT),
        )
        code, said = _result(connection)
        entries = _entries(connection)
    if code == _NOT_THERE or (code == _SUCCESS and not entries):
        raise LdapFailed(f"the directory has no {directory.base_dn}, or our account may not see it")
    if code != _SUCCESS:
        raise LdapFailed(f"the directory did not show {directory.base_dn} ({said})")
    how = f"as {directory.bind_dn}" if directory.bind_dn else "without an account"
    return f"The directory answers over TLS, and {directory.base_dn} can be searched {how}."


def _search(directory: Directory, username: str, attributes: Sequence[str]) -> list[Entry]:
    wanted = list(dict.fromkeys([*attributes, *SUBJECTS]))
    asked = directory.user_filter.replace(PLACEHOLDER, escape_filter_chars(username))
    with _searching(directory) as connection:
        connection.search(
            directory.base_dn,
            asked,
            attributes=wanted,
            size_limit=2,
            time_limit=int(TIMEOUT),
        )
        code, said = _result(connection)
        found = [_entry(one, wanted) for one in _entries(connection)]
    if code not in (_SUCCESS, _SIZE_LIMIT):
        raise LdapFailed(f"the directory could not be searched ({said})")
    return found


@contextmanager
def _searching(directory: Directory) -> Iterator[Any]:
    """A connection that is signed in with our account, if we have one."""
    with _connected(directory) as connection:
        if directory.bind_dn:
            connection.rebind(
                user=directory.bind_dn,
                password=directory.bind_password,
                authentication=ldap3.SIMPLE,
            )
            code, said = _result(connection)
            if code == _INVALID_CREDENTIALS:
                raise LdapFailed(
                    "the directory refuses the account that searches: its name or its password "
                    "is wrong"
                )
            if code != _SUCCESS:
                raise LdapFailed(f"the directory refuses the account that searches ({said})")
        yield connection


@contextmanager
def _connected(directory: Directory) -> Iterator[Any]:
    """A connection with TLS, to the first of the host's addresses that answers."""
    try:
        addresses = places.resolve(directory.host, directory.port, private=directory.private)
    except places.Unreachable as error:
        raise LdapFailed(str(error)) from error
    connection = None
    try:
        connection = _open(directory, addresses)
        yield connection
    except (LDAPException, OSError) as error:
        raise LdapFailed(_reason(error)) from error
    except _MISREAD as error:
        raise LdapFailed("the directory's answer cannot be read") from error
    finally:
        if connection is not None:
            _close(connection)


def _open(directory: Directory, addresses: Sequence[str]) -> Any:
    for number, address in enumerate(addresses, start=1):
        server = ldap3.Server(
            address,
            port=directory.port,
            use_ssl=not directory.starttls,
            get_info=ldap3.NONE,
            tls=_CheckedTls(directory.host, directory.ca_pem),
            connect_timeout=directory.timeout,
        )
        connection = ldap3.Connection(
            server,
            read_only=True,
            auto_referrals=False,
            raise_exceptions=False,
            check_names=False,
            receive_timeout=directory.timeout,
        )
        try:
            connection.open()
            if directory.starttls:
                connection.start_tls()
            return connection
        except (LDAPException, OSError) as error:
            _close(connection)
            if number == len(addresses) or not isinstance(error, LDAPSocketOpenError):
                raise
    raise LdapFailed(f"{directory.host} has no address")


class _CheckedTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS where OpenSSL checks the certificate for the name, not for the address."""

    def __init__(self, name: str, ca_pem: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED, sni=name)
        self._context = roots(ca_pem, protocol="ldap")

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        """Called by ldap3 where TLS begins."""
        connection.socket = self._context.wrap_socket(
            connection.socket, server_hostname=self.sni, do_handshake_on_connect=do_handshake
        )


def _close(connection: Any) -> None:
    try:
        connection.unbind()
    except (LDAPException, OSError):
        pass  # it is gone already
    if connection.socket is not None:
        connection.socket.close()  # which ldap3 forgets when connecting fails


def _result(connection: Any) -> tuple[int, str]:
    result = connection.result or {}
    said = f"{result.get('description') or ''} {result.get('message') or ''}"
    return int(result.get("result", -1)), _line(said)


def _entries(connection: Any) -> list[Any]:
    return [one for one in connection.response or () if one.get("type") == "searchResEntry"]


def _entry(found: Any, wanted: Sequence[str]) -> Entry:
    attributes = {name.lower(): values for name, values in found["raw_attributes"].items()}
    texts = {name: _texts(attributes.get(name.lower(), [])) for name in wanted}
    subject = next((texts[name][0] for name in SUBJECTS if texts[name]), None)
    return Entry(
        dn=found["dn"],
        attributes={
            name: values for name, values in texts.items() if values and name not in SUBJECTS
        },
        subject=_lasting(subject) if subject else None,
    )


def _lasting(text: str) -> str:
    """Bytes of a GUID may happen to be text, though none that anybody could keep."""
    return text if text.isprintable() else text.encode().hex()


def _texts(values: Sequence[bytes]) -> list[str]:
    """Text, or for what is none (objectGUID, pictures) hexadecimal digits; not endless."""
    found = []
    for value in values:
        if len(value) > _MOST_BYTES:
            continue
        try:
            found.append(value.decode("utf-8"))
        except UnicodeDecodeError:
            found.append(value.hex())
    return found


def _reason(error: Exception) -> str:
    """Why the directory cannot be asked, for an administrator."""
    said = _line(str(error))
    if "CERTIFICATE_VERIFY_FAILED" in said or "certificate" in said.lower():
        return f"the certificate of the directory is not trusted here ({said})"
    if isinstance(error, TimeoutError) or "timed out" in said or "timeout" in said.lower():
        return "the directory did not answer in time"
    return f"the directory cannot be reached ({said or type(error).__name__})"


def _line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())[:300]
