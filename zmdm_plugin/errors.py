"""Every error the plugin raises on purpose, with the HTTP status an edge answers it with.

ZmdmError
├── ConfigError            the host's configuration; all faults of a kind in one error
├── ProtocolError  400     bytes from outside that do not have the right form
├── Refused        422     an order that cannot be carried out: (field, why)
├── NotFound       404
├── Conflict       409
├── Denied         403     the actor lacks a permission
├── Unauthorized   401     API only; never on a device route
├── TooMany        429     API only, likewise: too many refused tokens from one address
├── IdentityError  400     a device did not prove who it is
├── SignInRequired 401     its person has to sign in (again): account-driven enrollments alone
├── NoService      403     service discovery: no enrollment is for this person and device
└── Unavailable    503     our own outage: database, storage, sealing key
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click


class ZmdmError(Exception):
    """The root, so that a host can catch whatever the plugin raises."""

    status: int = 500


class ConfigError(ZmdmError, click.ClickException):
    """Carries every fault of the configuration at once, not one after the other.

    `flask …` says it and ends, instead of a traceback, whatever command the application is for.
    """

    def __init__(self, faults: Iterable[str] | str) -> None:
        self.faults = (faults,) if isinstance(faults, str) else tuple(faults)
        click.ClickException.__init__(self, "\n".join(self.faults))


class ProtocolError(ZmdmError):
    """Bytes from outside do not have the form that Apple's page (or an RFC) asks for."""

    status = 400


class Refused(ZmdmError):
    """An order cannot be carried out; `why` is shown to the operator, word for word."""

    status = 422

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        self.why = why
        super().__init__(f"{field}: {why}")


class NotFound(ZmdmError):
    """What was asked for does not exist (or the actor may not know that it does)."""

    status = 404


class Conflict(ZmdmError):
    """The order contradicts the present state, e.g. blocking a device that is blocked."""

    status = 409


class Overtaken(Conflict):
    """Somebody else was quicker, and nothing was changed."""

    def __init__(self) -> None:
        super().__init__("somebody else changed the same at this moment: look, and try again")


class Denied(ZmdmError):
    """The actor is known and lacks the permission, which the message names."""

    status = 403

    def __init__(self, message: str, *, permission: str = "", subject: object = None) -> None:
        self.permission = permission
        self.subject = subject
        super().__init__(message)


class Unauthorized(ZmdmError):
    """No valid credentials; used by the HTTP API alone, for 401 makes a device leave."""

    status = 401


class TooMany(ZmdmError):
    """Refused too often in a short time; used by the HTTP API alone, for 429 stops a device."""

    status = 429


class Traced(ZmdmError):
    """A refusal that is written down: `trace` runs in a transaction after the rollback."""

    def __init__(self, message: str, *, trace: Callable[[], object] | None = None) -> None:
        self.trace = trace
        super().__init__(message)


class IdentityError(Traced):
    """A device request that does not prove possession of an identity we know."""

    status = 400


class EnrollmentRefused(Traced):
    """A step of an enrollment that may not be taken; the reason is recorded on the session."""

    status = 403


class Released(Traced):
    """An operator blocked or released this device: the one answer that makes it leave."""

    status = 403


class SignInRequired(Traced):
    """A 401 with the bearer challenge: the device goes on once its person has signed in at `url`.

    Made by services/release.py alone, for without its header a 401 makes a device leave.
    """

    status = 401

    def __init__(self, url: str, *, trace: Callable[[], object] | None = None) -> None:
        self.url = url
        super().__init__("the person at this device has to sign in", trace=trace)


class NoService(ZmdmError):
    """Service discovery found nothing: `description` is for logs, `message` for the person."""

    status = 403

    def __init__(self, description: str, message: str) -> None:
        self.description = description
        self.message = message
        super().__init__(description)


class Unavailable(ZmdmError):
    """Our own outage; a device keeps its answer and comes again."""

    status = 503


class SealError(Unavailable):
    """A sealed value cannot be opened: the sealing key is missing or the value was moved."""


class Damaged(SealError):
    """The key is at hand, but this value was damaged or moved: waiting will not mend it."""
