"""How a setting's value is read: each parser takes what a host wrote, or says what it must be."""

from __future__ import annotations

import dataclasses
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from zmdm_plugin.secretbox import parse_key

_SUBSTITUTION = re.compile(r"\{\{\s*(file|env):(.+?)\s*\}\}")
_MAILBOX = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[A-Za-z0-9.-]+")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.strip()


def flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be true or false")


def bearer(value: Any) -> str:
    given = text(value)
    if given and (len(given) < 20 or not given.isascii() or " " in given):
        raise ValueError("must be at least 20 ASCII characters without spaces")
    return given


def number(low: int, high: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError) as error:
            raise ValueError("must be a whole number") from error
        if isinstance(value, bool) or not low <= number <= high:
            raise ValueError(f"must lie between {low} and {high}")
        return number

    return parse


def choice(*words: str) -> Callable[[Any], str]:
    def parse(value: Any) -> str:
        if (word := str(value).strip().lower()) not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word

    return parse


def days_by(defaults: Mapping[str, int]) -> Callable[[Any], tuple[tuple[str, int], ...]]:
    """Pairs of beginning and days, from a mapping or `one=3, other=4`; the others stay."""
    days = number(0, 36500)

    def parse(value: Any) -> tuple[tuple[str, int], ...]:
        if isinstance(value, str):
            pairs = (part.partition("=") for part in items(value))
            value = {name: given for name, _, given in pairs}
        if not isinstance(value, Mapping):
            raise ValueError("must be a mapping, or text like command.=14, secret.=0")
        given = {text(name): days(number) for name, number in value.items()}
        return tuple({**defaults, **given}.items())

    return parse


def mailbox(value: Any) -> str:
    given = text(value)
    if given and not (given.isascii() and given.isprintable() and _MAILBOX.fullmatch(given)):
        raise ValueError("must be an e-mail address like mdm@example.com")
    return given


def items(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)
    return tuple(item for part in parts if (item := text(part)))


def base_url(value: Any) -> str:
    url = text(value).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be a URL like https://mdm.example.com")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError("must begin with https:// (devices refuse http), unless it is localhost")
    return url


def optional_base_url(value: Any) -> str:
    return base_url(value) if value else ""


def sealing_keys(value: Any) -> tuple[bytes, ...]:
    keys = tuple(parse_key(item) for item in items(value))
    if not keys:
        raise ValueError("needs at least one key; make one with `flask zmdm secrets new-key`")
    return keys


def networks(value: Any) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(item, strict=False) for item in items(value))


def pem_text(value: Any) -> str:
    given = text(value)
    if given and "-----BEGIN " not in given:
        raise ValueError("must be PEM, for example {{ file:/etc/zmdm/chain.pem }}")
    return given


def header(value: Any) -> str:
    name = text(value)
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise ValueError("must be the name of an HTTP header")
    return name


def path(value: Any) -> str:
    given = "/" + text(value).strip("/")
    if given == "/":
        raise ValueError("must be a path below the root, like /mdm")
    return given


def schema_folder(value: Any) -> str:
    given = text(value)
    if given and not (Path(given) / "declarative" / "declarations").is_dir():
        raise ValueError("must be a folder with declarative/declarations in it")
    if given and find_spec("yaml") is None:
        raise ValueError("needs PyYAML: pip install 'zmdm-plugin[schema]'")
    return given


def bucket(value: Any) -> str:
    given = text(value)
    if given and find_spec("boto3") is None:
        raise ValueError("needs boto3: pip install 'zmdm-plugin[s3]'")
    return given


def key(parse: Callable[[Any], Any], doc: str, **options: Any) -> Any:
    default = options.pop("default", dataclasses.MISSING)
    secret = options.pop("secret", False)
    metadata = {"parse": parse, "doc": doc, "secret": secret, "required": "required" in options}
    options.pop("required", None)
    if default is dataclasses.MISSING:
        return field(metadata=metadata, repr=not secret)
    return field(default=default, metadata=metadata, repr=not secret)


def substitute(value: Any) -> Any:
    """Replace {{ file:… }} and {{ env:… }}; ValueError says which of them is missing."""
    if isinstance(value, str):
        return _SUBSTITUTION.sub(_replacement, value)
    if isinstance(value, list | tuple):
        return type(value)(substitute(item) for item in value)
    return value


def _replacement(match: re.Match[str]) -> str:
    kind, name = match.group(1), match.group(2)
    if kind == "env":
        if name not in os.environ:
            raise ValueError(f"the environment variable {name} is not set")
        return os.environ[name]
    try:
        return Path(name).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the file {name} cannot be read ({type(error).__name__})") from error
