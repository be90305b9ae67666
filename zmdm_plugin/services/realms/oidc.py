"""Realms of OpenID Connect: to the provider and back, outside of transactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from zmdm_plugin.clients import oidc
from zmdm_plugin.clients.outbound import Outbound
from zmdm_plugin.errors import Refused
from zmdm_plugin.services.realms import config_fields
from zmdm_plugin.services.realms.provider import (
    Known,
    PersonRefused,
    Provider,
    ProviderFailed,
)
from zmdm_plugin.services.realms.sign_ins import PATH
from zmdm_plugin.services.secret_text import new_secret
from zmdm_plugin.state import state

REDIRECTS = True
_LEEWAY = 120
_KEYS = frozenset({"issuer", "client_id", "scopes", "ca"})
_SCOPES = ("openid", "profile", "email")
_LONGEST = 2000


class Leaving(NamedTuple):
    """Where the browser goes, and what must be remembered until it is back."""

    url: str
    state: str
    flow: dict[str, Any]


def callback_url() -> str:
    """What the provider must know as our redirect URI."""
    return f"{state().settings.base_url}{PATH}/callback/"


def leave(provider: Provider) -> Leaving:
    """Ask the provider where to, and make the secrets of this sign-in; ProviderFailed."""
    client = _client(provider)
    secrets = {"nonce": new_secret(), "verifier": new_secret()}
    provider_state = new_secret()
    try:
        url = oidc.authorization_url(client, oidc.discover(client), state=provider_state, **secrets)
    except oidc.OidcFailed as error:
        raise ProviderFailed(str(error)) from error
    return Leaving(url, provider_state, secrets)


def returned(provider: Provider, flow: Mapping[str, Any], query: Mapping[str, str]) -> Known:
    """Who came back; ProviderFailed, or PersonRefused where the person chose not to sign in."""
    if (error_code := query.get("error")) is not None:
        said = f"{error_code} {query.get('error_description', '')}".strip()
        line = "".join(one for one in said if one.isprintable())[:200]
        if error_code in ("access_denied", "login_required", "interaction_required"):
            raise PersonRefused(f"the provider did not sign you in ({line})")
        raise ProviderFailed(f"the provider says: {line}")
    if not (code := query.get("code")) or len(code) > _LONGEST:
        raise ProviderFailed("the provider sent the browser back without a code")
    client = _client(provider)
    # One address is every realm's: https://www.rfc-editor.org/rfc/rfc9207#section-2.4
    if query.get("iss", client.issuer) != client.issuer:
        raise ProviderFailed("the browser comes back from another provider than it was sent to")
    wanted = {str(claim) for claim in provider.claim_mapping.values() if claim}
    try:
        metadata = oidc.discover(client)
        proven = oidc.exchange(
            client, metadata, code=code, verifier=flow["verifier"], nonce=flow["nonce"]
        )
        claims = oidc.with_userinfo(client, metadata, proven, wanted)
    except oidc.OidcFailed as error:
        raise ProviderFailed(str(error)) from error
    return Known(claims=claims, subject=str(claims["sub"]))


def test(provider: Provider) -> str:
    """Ask the provider for its configuration, and say what was found; ProviderFailed."""
    client = _client(provider)
    try:
        found = oidc.discover(client)
        keys = oidc.count_keys(client, found)
    except oidc.OidcFailed as error:
        raise ProviderFailed(str(error)) from error
    return (
        f"The provider answers and signs with {', '.join(found.algorithms)} ({keys} keys). "
        f"Whether it knows {client.client_id} and our redirect URI shows with the first sign-in."
    )


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """issuer, client_id; scopes and ca if given. Refused names `config`."""
    config_fields.only(config, _KEYS)
    issuer = config_fields.text(config, "issuer")
    if not oidc.is_safe(issuer) or "?" in issuer or "#" in issuer:
        raise Refused("config", "issuer must be an address like https://id.example.com")
    found: dict[str, Any] = {"issuer": issuer, "client_id": config_fields.text(config, "client_id")}
    if config.get("scopes"):
        found["scopes"] = _scopes(config["scopes"])
    if config.get("ca"):
        found["ca"] = config_fields.certificates(config, "ca")
    return found


def _client(provider: Provider) -> oidc.Client:
    config = provider.config
    private, ca = state().settings.private_networks, str(config.get("ca") or "")
    return oidc.Client(
        issuer=config["issuer"],
        client_id=config["client_id"],
        client_secret=provider.secret,
        redirect_uri=callback_url(),
        scopes=tuple(config.get("scopes") or _SCOPES),
        leeway=_LEEWAY,
        transport=lambda: Outbound(private=private, ca_pem=ca),
    )


def _scopes(value: Any) -> list[str]:
    names = value.split() if isinstance(value, str) else value
    good = isinstance(names, list) and all(
        isinstance(one, str) and one.isascii() and one.isprintable() and " " not in one and one
        for one in names
    )
    if not good or "openid" not in names or len(names) > 32:
        raise Refused("config", "scopes must be a list of names with openid among them")
    return list(names)
