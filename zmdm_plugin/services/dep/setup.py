"""Connecting a service of Apple Business or School Manager, and renewing its server token.

A key is staged here, its public half goes to the portal as a certificate, the token made for it
comes back. Until that has been opened and Apple has answered to it, what was there before holds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients.dep_values import Account
from zmdm_plugin.db import session
from zmdm_plugin.errors import Conflict, Refused
from zmdm_plugin.models import AdeProfile, AdeSettings, DepDevice, DepVirtualServer
from zmdm_plugin.protocol import pem, server_token
from zmdm_plugin.protocol.issuance import new_rsa_key
from zmdm_plugin.protocol.server_token import AnotherKey, BadServerToken, ServerToken
from zmdm_plugin.services import audit, events, vault
from zmdm_plugin.services.dep.connection import Credentials, find, forget_fault, seal_token
from zmdm_plugin.services.dep.leaving import JOB as FORGET
from zmdm_plugin.services.dep.runs import open_run

LONGEST_NAME: Final = 256
_ORGANIZATION: Final = (
    "org_id",
    "org_id_hash",
    "org_name",
    "org_email",
    "org_phone",
    "org_address",
    "org_type",
    "org_version",
    "admin_id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A token that this server's key has opened; `staged` says which of its keys."""

    credentials: Credentials
    staged: bool


def begin(name: str, *, actor: Actor, now: datetime) -> DepVirtualServer:
    """A service to be: its key is made here, its public key goes to the portal."""
    given = name.strip()
    if not given or len(given) > LONGEST_NAME or not given.isprintable():
        raise Refused("name", f"must have 1 to {LONGEST_NAME} characters")
    server = DepVirtualServer(name=given)
    session().add(server)
    _stage(server, now=now)
    audit.record(actor, "dep_virtual_server.create", server, after=audit.snapshot(server))
    return server


def stage(server_id: int, *, actor: Actor, now: datetime) -> DepVirtualServer:
    """A new key for the next token; the present token works on until that has come."""
    server = find(server_id, lock=True)
    if run := open_run(FORGET, server_id):
        raise Conflict(f"the devices of {server.name} are being forgotten (task {run.uid})")
    _stage(server, now=now)
    audit.record(actor, "dep_virtual_server.stage_key", server)
    return server


def cancel(server_id: int, *, actor: Actor) -> None:
    """Give up a staged key; a service that never had a token goes with it."""
    server = find(server_id, lock=True)
    if server.staged_certificate is None:
        raise Conflict("no key waits for its token")
    if server.uuid is None and _is_used(server.id):
        raise Conflict(f"enrollments are for {server.name}: delete them first")
    audit.record(actor, "dep_virtual_server.cancel", server)
    if server.uuid is None:
        session().delete(server)
        session().flush()
        return
    _unstage(server)
    session().flush()


def public_key(server: DepVirtualServer) -> bytes:
    """What the portal is given, PEM: the staged key's, else that of the token in use."""
    certificate = server.staged_certificate or server.certificate
    if certificate is None:
        raise Conflict("this server has no key yet")
    return pem.certificate_pem(certificate).encode()


def open_token(server_id: int, upload: bytes, *, now: datetime) -> Opened:
    """Read the `.p7m` of the portal; Refused says in words what is wrong with it."""
    server = find(server_id)
    token, staged = _opened(server, upload)
    if token.expires_at <= now:
        raise Refused("token", f"it expired on {token.expires_at:%Y-%m-%d}: download a new one")
    if server.consumer_key is not None and token.consumer_key != server.consumer_key:
        raise Refused("token", f"it is of another server in the portal, not of {server.name}")
    if other := _other(server, DepVirtualServer.consumer_key == token.consumer_key):
        raise Refused("token", f"it is of {other}, which is connected already: renew it there")
    credentials = Credentials(server_id=server.id, token=token, limits={})
    return Opened(credentials=credentials, staged=staged)


def take(opened: Opened, account: Account, *, actor: Actor, now: datetime) -> DepVirtualServer:
    """Keep a token that Apple has answered to; the key it was made for is the current one."""
    server = find(opened.credentials.server_id, lock=True)
    uuid = account.server_uuid[:64]
    if server.uuid is not None and server.uuid != uuid:
        raise Refused("token", f"it is of another server in the portal, {account.server_name}")
    if other := _other(server, DepVirtualServer.uuid == uuid):
        raise Refused("token", f"it is of {other}, which is connected already: renew it there")
    if opened.staged and server.staged_certificate is None:
        raise Conflict("the key of this token was given up meanwhile: begin again")
    action = "connect" if server.uuid is None else "renew"
    before = audit.snapshot(server)
    if opened.staged:
        server.certificate = server.staged_certificate
        vault.seal(server, "private_key", vault.unseal(server, "staged_private_key"))
        _unstage(server)
    seal_token(server, opened.credentials.token)
    server.token_taken_at = now
    note_account(server, account, now=now)
    forget_fault(server)
    after = audit.snapshot(server)
    audit.record(actor, f"dep_virtual_server.{action}", server, before=before, after=after)
    events.record(f"dep.{action}", server=server.name, organization=server.org_name)
    return server


def note_account(server: DepVirtualServer, account: Account, *, now: datetime) -> None:
    """What Apple says of the organization and of the service, and how much one request may name."""
    server.uuid = account.server_uuid[:64]
    server.name = account.server_name[:LONGEST_NAME] or server.name
    columns = DepVirtualServer.__table__.c
    for name, value in asdict(account).items():
        if name in _ORGANIZATION:
            setattr(server, name, value[: getattr(columns[name].type, "length", None)])
    server.limits = {
        path[:256]: [one.default, one.maximum] for path, one in list(account.limits.items())[:100]
    }
    server.account_read_at = now
    session().flush()


def _opened(server: DepVirtualServer, upload: bytes) -> tuple[ServerToken, bool]:
    """The token and whether the staged key opened it: also the key in use may be used again."""
    keys = (
        (server.staged_certificate, "staged_private_key", True),
        (server.certificate, "private_key", False),
    )
    wrong: AnotherKey | None = None
    for certificate, column, staged in keys:
        if certificate is None:
            continue
        key = pem.kept_key(vault.unseal(server, column) or b"")
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Conflict("the key of this server is none that opens tokens")
        try:
            return server_token.read(upload, certificate, key=key), staged
        except AnotherKey as error:
            wrong = error
        except BadServerToken as error:
            raise Refused("token", str(error)) from error
    if wrong is None:
        raise Conflict("this server has no key yet")
    raise Refused("token", str(wrong))


def _stage(server: DepVirtualServer, *, now: datetime) -> None:
    key = new_rsa_key()
    name = f"{server.name[:40]} {now:%Y-%m-%d}"
    server.staged_certificate = server_token.make_certificate(name, key, at=now)
    vault.seal(server, "staged_private_key", pem.private_key_der(key))
    server.staged_at = now
    session().flush()


def _is_used(server_id: int) -> bool:
    queries = (
        sa.select(model.id).where(model.server_id == server_id).limit(1)
        for model in (AdeSettings, AdeProfile, DepDevice)
    )
    return any(session().scalar(query) is not None for query in queries)


def _unstage(server: DepVirtualServer) -> None:
    server.staged_certificate = server.staged_at = None
    vault.seal(server, "staged_private_key", None)


def _other(server: DepVirtualServer, condition: sa.ColumnElement[bool]) -> str | None:
    query = sa.select(DepVirtualServer.name).where(condition, DepVirtualServer.id != server.id)
    return session().scalar(query.limit(1))
