"""How the edges talk to Apple's device assignment service: outside of any transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from zmdm_plugin.clients import dep_errors
from zmdm_plugin.clients.dep import DepClient
from zmdm_plugin.clients.dep_errors import DepError
from zmdm_plugin.db import run_in_transaction
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services.dep import connection

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
def talk(server_id: int) -> Iterator[DepClient]:
    """A client of this service; what Apple's answers say about the service is noted.

    Raises NotFound, Conflict while it is not connected, and DepError with its words for people.
    """
    given = run_in_transaction(lambda: connection.credentials(server_id))
    with connection.client(given) as client:
        try:
            yield client
        except _OF_THE_REQUEST:
            run_in_transaction(lambda: connection.answered(server_id))
            raise
        except DepError as error:
            why = error
            run_in_transaction(lambda: connection.failed(server_id, why, now=utcnow()))
            raise
    run_in_transaction(lambda: connection.answered(server_id))


def ask(server_id: int, question: Callable[[DepClient], T]) -> T:
    """One question in a talk of its own."""
    with talk(server_id) as client:
        return question(client)
