"""Realms of LDAP: a password is tried at the directory, outside of transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from zmdm_plugin.clients import ldap
from zmdm_plugin.errors import Refused
from zmdm_plugin.services.realms import config_fields
from zmdm_plugin.services.realms.provider import Known, Provider, ProviderFailed, WrongPassword
from zmdm_plugin.state import state

REDIRECTS = False
_KEYS = frozenset({"url", "base_dn", "bind_dn", "user_filter", "ca"})
_FILTER = "(uid={username})"
_PORTS = {"ldaps": 636, "ldap": 389}


def check(provider: Provider, username: str, password: str) -> Known:
    """Who that is; WrongPassword, or ProviderFailed if the directory cannot be asked."""
    wanted = [str(claim) for claim in provider.claim_mapping.values() if claim]
    try:
        entry = ldap.sign_in(_directory(provider), username, password, attributes=wanted)
    except ldap.LdapWrongPassword as error:
        raise WrongPassword("the username or the password is wrong") from error
    except ldap.LdapFailed as error:
        raise ProviderFailed(str(error)) from error
    return Known(claims={"dn": entry.dn, **entry.attributes}, subject=entry.subject)


def test(provider: Provider) -> str:
    """Look whether the directory can be searched, and say what was found; ProviderFailed."""
    try:
        return ldap.look(_directory(provider))
    except ldap.LdapFailed as error:
        raise ProviderFailed(str(error)) from error


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """url and base_dn; bind_dn, user_filter and ca if given. Refused names `config`."""
    config_fields.only(config, _KEYS)
    found = {name: config_fields.text(config, name) for name in ("url", "base_dn")}
    _host_and_port(found["url"])
    if config.get("bind_dn"):
        found["bind_dn"] = config_fields.text(config, "bind_dn")
    given = {"user_filter": config.get("user_filter") or _FILTER}
    found["user_filter"] = config_fields.text(given, "user_filter")
    _check_filter(found["user_filter"])
    if config.get("ca"):
        found["ca"] = config_fields.certificates(config, "ca")
    return found


def _directory(provider: Provider) -> ldap.Directory:
    config = provider.config
    host, port = _host_and_port(config["url"])
    return ldap.Directory(
        host=host,
        port=port,
        starttls=config["url"].startswith("ldap:"),
        ca_pem=str(config.get("ca") or ""),
        base_dn=config["base_dn"],
        bind_dn=str(config.get("bind_dn") or ""),
        bind_password=provider.secret or "",
        user_filter=config["user_filter"],
        private=state().settings.private_networks,
    )


def _host_and_port(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        good = parts.hostname and parts.path in ("", "/") and not parts.query and "@" not in url
    except ValueError:
        good, port = False, 0
    if not good or not port or parts.hostname is None:
        raise Refused(
            "config",
            "url must be like ldaps://ldap.example.com, or ldap://ldap.example.com for StartTLS",
        )
    return parts.hostname, port


def _check_filter(text: str) -> None:
    """One placeholder inside parentheses that match; the rest shows when it is tested."""
    if text.count(ldap.PLACEHOLDER) < 1:
        raise Refused("config", "user_filter must have {username} in it")
    if not (text.startswith("(") and text.endswith(")")) or text.count("(") != text.count(")"):
        raise Refused("config", "user_filter must be in parentheses that match")
