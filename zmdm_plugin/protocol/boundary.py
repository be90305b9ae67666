"""The one place where what parsers leak on hostile bytes becomes a ProtocolError."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import DuplicateExtension, InvalidVersion, UnsupportedGeneralNameType

from zmdm_plugin.errors import ProtocolError

P = ParamSpec("P")
R = TypeVar("R")

# Seen to come out of parsers of attacker-chosen bytes: the index errors of the TLV walk, and what
# OpenSSL and the Rust parser of `cryptography` raise on keys, names, dates and extensions.
LEAKS: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
    NotImplementedError,
    InvalidSignature,
    UnsupportedAlgorithm,
    InvalidVersion,
    DuplicateExtension,
    UnsupportedGeneralNameType,
)


def refuses(error: type[ProtocolError], message: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn every leak of the decorated reader into `error(message)`; ProtocolErrors pass."""

    def decorate(reader: Callable[P, R]) -> Callable[P, R]:
        @wraps(reader)
        def read(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return reader(*args, **kwargs)
            except ProtocolError:
                raise
            except LEAKS as leak:
                raise error(message) from leak

        return read

    return decorate
