"""How the edges talk to Apple's device assignment service: outside of any transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from zmdm_plugin.actors import Actor
from zmdm_plugin.clients import dep_errors, dep_values
from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.clients.dep_values import Account
from zmdm_plugin.db import run_in_transaction, session
from zmdm_plugin.errors import NotFound
from zmdm_plugin.models import DepDevice, DepVirtualServer, Enrollment
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import audit
from zmdm_plugin.services.account import accounts, discovery
from zmdm_plugin.services.dep import connection, listing, orders, runs, setup, sync

T = TypeVar("T")
_OF_THE_REQUEST: Final = (
    dep_errors.CursorError,
    dep_errors.ProfileRejected,
    dep_errors.UnknownProfile,
    dep_errors.UnknownDevice,
    dep_errors.NotAccessible,
    dep_errors.BetaTurnedOff,
)
"""Errors that say something about what was asked, and nothing bad about the service."""


@contextmanager
def noting_failure(server_id: int) -> Iterator[None]:
    """What an error says about the service is kept where administrators look."""
    try:
        yield
    except _OF_THE_REQUEST:
        raise
    except DepError as error:
        why = error
        run_in_transaction(lambda: connection.failed(server_id, why, now=utcnow()))
        raise


@contextmanager
def talk(server_id: int) -> Iterator[DepClient]:
    """A client of this service; what Apple's answers say about the service is noted.

    Raises NotFound, Conflict while it is not connected, and DepError with its words for people.
    """
    given = run_in_transaction(lambda: connection.credentials(server_id))
    with connection.client(given) as client, noting_failure(server_id):
        try:
            yield client
        except _OF_THE_REQUEST:
            run_in_transaction(lambda: connection.answered(server_id))
            raise
    run_in_transaction(lambda: connection.answered(server_id))


def take_token(server_id: int, upload: bytes, *, actor: Actor) -> DepVirtualServer:
    """Open a server token, see what Apple answers to it, keep it, and begin to synchronize.

    Refused and Conflict say what is wrong with it, DepError what Apple has against it.
    """
    opened = run_in_transaction(lambda: setup.open_token(server_id, upload, now=utcnow()))
    with connection.client(opened.credentials) as client:
        account = client.account()
    return run_in_transaction(lambda: _take(opened, account, actor))


def _take(opened: setup.Opened, account: Account, actor: Actor) -> DepVirtualServer:
    now = utcnow()
    server = setup.take(opened, account, actor=actor, now=now)
    if runs.open_run(sync.JOB, server.id) is None:
        sync.start(server.id, actor, now=now)
    return server


def ask(server_id: int, question: Callable[[DepClient], T]) -> T:
    """One question in a talk of its own."""
    with talk(server_id) as client:
        return question(client)


def refresh(device_id: int, *, actor: Actor) -> DepDevice:
    """Ask Apple about one device and take in what it says."""
    serial, server_id = run_in_transaction(lambda: _which(listing.device(device_id)))
    asked_at = utcnow()
    found = ask(server_id, lambda client: client.device_details([serial]))
    told = found.get(serial)
    return run_in_transaction(
        lambda: orders.note_details(device_id, told, asked_at=asked_at, actor=actor, now=utcnow())
    )


def disown(device_id: int, *, actor: Actor) -> str:
    """Give a device up for ever; Apple's word for what became of it."""
    serial, server_id = run_in_transaction(
        lambda: _which(orders.begin_disowning(device_id, actor=actor))
    )
    with talk(server_id) as client:
        word = _disowned(client, serial)
    run_in_transaction(lambda: orders.disowned(device_id, word=word, actor=actor, now=utcnow()))
    return word


def _disowned(client: DepClient, serial: str) -> str:
    """A lost answer is not asked for again: what Apple knows of the device tells."""
    try:
        return client.disown([serial]).devices.get(serial, dep_values.FAILED)
    except DepError as error:
        if not dep_errors.may_be_done(error):
            raise
        known = client.device_details([serial]).get(serial)
        if known is None or known.response_status != dep_values.NOT_ACCESSIBLE:
            raise
        return dep_values.SUCCESS


def tell_discovery_url(enrollment_id: int, server_id: int, *, actor: Actor) -> str:
    """Have Apple send people to an account-driven enrollment; the address that it was told."""
    url = run_in_transaction(lambda: discovery.url_of(_enrollment(enrollment_id)))
    ask(server_id, lambda client: client.tell_discovery_url(url))

    def note() -> None:
        settings = accounts.settings_of(_enrollment(enrollment_id))
        audit.record(actor, "account_enrollment.tell_apple", settings, reason=url)

    run_in_transaction(note)
    return url


def _enrollment(enrollment_id: int) -> Enrollment:
    row = session().get(Enrollment, enrollment_id)
    if row is None:
        raise NotFound("there is no such enrollment")
    return row


def _which(device: DepDevice) -> tuple[str, int]:
    return device.serial_number, device.server_id
