"""What a backend knows of its realm, and what it tells of a person: values, outside transactions.

A backend waits for others (a directory, a provider, a slow hash), so it never holds a transaction.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

from zmdm_plugin.errors import ConfigError, ZmdmError
from zmdm_plugin.models import Realm
from zmdm_plugin.services import vault

LOCAL, OIDC, LDAP = "local", "oidc", "ldap"


class _Backend(NamedTuple):
    module: str
    package: str
    """What the module cannot be imported without, and the extra that brings it."""
    extra: str


_BACKENDS = {
    LOCAL: _Backend("zmdm_plugin.services.realms.local", "", ""),
    OIDC: _Backend("zmdm_plugin.services.realms.oidc", "authlib", "oidc"),
    LDAP: _Backend("zmdm_plugin.services.realms.ldap", "ldap3", "ldap"),
}
BACKENDS = tuple(_BACKENDS)


class WrongPassword(ZmdmError):
    """The username or the password is wrong; which of them, nobody is told."""

    status = 400


class ProviderFailed(ZmdmError):
    """The realm's provider did not do what it should; the message is for people, in words."""

    status = 503


class PersonRefused(ZmdmError):
    """The provider knows the person, but we cannot take what it says of them."""

    status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A realm as its backend sees it."""

    realm_id: int
    name: str
    backend: str
    config: Mapping[str, Any]
    claim_mapping: Mapping[str, Any]
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a backend learned of somebody who proved who they are."""

    claims: Mapping[str, Any]
    subject: str | None = None


def of(realm: Realm) -> Provider:
    """The values of a row, its secret opened."""
    secret = vault.unseal(realm, "secret")
    return Provider(
        realm_id=realm.id,
        name=realm.name,
        backend=realm.backend,
        config=dict(realm.config),
        claim_mapping=dict(realm.claim_mapping),
        secret=secret.decode() if secret is not None else None,
    )


def module(backend: str) -> ModuleType:
    """The backend's module; ConfigError names the extra that is missing."""
    found = _BACKENDS[backend]
    try:
        return importlib.import_module(found.module)
    except ModuleNotFoundError as error:
        if not found.package or (error.name or "").partition(".")[0] != found.package:
            raise
        raise ConfigError(
            f"realms with the backend {backend} need an extra: "
            f"pip install 'zmdm-plugin[{found.extra}]'"
        ) from error


def test(provider: Provider) -> str:
    """Whether it can be asked: what was found, in words, after a bounded wait; ProviderFailed."""
    try:
        found: str = module(provider.backend).test(provider)
    except ConfigError as error:
        raise ProviderFailed(str(error)) from error
    return found
