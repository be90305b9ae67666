"""What can go wrong in the simulator.

SimulatorError
 ├── WireError          bytes from the server that a device could not read
 ├── ProfileRefused     a profile that a device would not install
 ├── ScepFailed         the CA said no, or its answer does not hold
 ├── EnrollmentFailed   the server refused a step of an enrollment
 └── NotEnrolled        asked of a device that has no MDM profile (any more)
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of everything that the simulator raises on purpose."""


class WireError(SimulatorError):
    """Bytes from the server that a device could not read."""


class ProfileRefused(SimulatorError):
    """A profile that a device would not install; `code` is the number a device would report."""

    def __init__(self, message: str, *, code: int = 1000) -> None:
        super().__init__(message)
        self.code = code


class ScepFailed(SimulatorError):
    """The CA refused, or its answer does not hold; `fail_info` is RFC 8894's number, if given."""

    def __init__(self, message: str, *, fail_info: int | None = None) -> None:
        super().__init__(message)
        self.fail_info = fail_info


class EnrollmentFailed(SimulatorError):
    """The server refused a step of an enrollment; `status` is the HTTP status, 0 if none came."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class NotEnrolled(SimulatorError):
    """Asked of a device that has no MDM profile (any more)."""
