"""The forms of realms: what each backend asks for, flat, with what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import marshmallow as ma

from zmdm_plugin.admin import forms
from zmdm_plugin.commands.arguments import storable
from zmdm_plugin.models import Realm, RealmUser
from zmdm_plugin.services.realms import provider, realms

CLAIM = "claim_"
_LINE = 256
_CA = "PEM certificates that its TLS certificate must chain to; empty: those of this system."


def text(
    about: str, most: int = _LINE, *, required: bool = False, label: str = ""
) -> ma.fields.String:
    """One line."""
    return ma.fields.String(
        required=required,
        validate=[ma.validate.Length(min=1, max=most), storable],
        metadata={"description": about, **({"label": label} if label else {})},
    )


def _area(about: str, label: str) -> ma.fields.String:
    return ma.fields.String(
        validate=[ma.validate.Length(max=64 * 1024), storable],
        metadata={"description": about, "label": label, "format": "textarea"},
    )


class LocalArguments(ma.Schema):
    """Accounts of our own."""

    name = text("What people read on the page where they sign in.", 128, required=True)


class _Claims(LocalArguments):
    """Which claims or attributes fill which columns of a person."""

    claim_username = text("Who somebody is here.", required=True, label="Username from")
    claim_email = text("", label="Email from")
    claim_first_name = text("", label="First name from")
    claim_last_name = text("", label="Last name from")
    claim_full_name = text("", label="Full name from")
    claim_custom_attr_1 = text("For $REALM_USER.CUSTOM_ATTR_1.", label="First attribute from")
    claim_custom_attr_2 = text("For $REALM_USER.CUSTOM_ATTR_2.", label="Second attribute from")


class OidcArguments(_Claims):
    """An OpenID provider."""

    issuer = text(
        "As the provider writes it, to the letter, e.g. https://id.example.com/realms/staff.",
        2000,
        required=True,
    )
    client_id = text("What the provider calls us.", 500, required=True, label="Client ID")
    secret = text("What the provider gave us with it. Kept sealed.", 4096, label="Client secret")
    scopes = text("With spaces between them; empty: openid profile email.", 1000)
    ca = _area(_CA, "Certificate authority")


class LdapArguments(_Claims):
    """A directory."""

    url = text(
        "ldaps://ldap.example.com, or ldap://ldap.example.com for StartTLS; never without TLS.",
        2000,
        required=True,
        label="Address",
    )
    base_dn = text("Below this people are searched for.", 1000, required=True, label="Base DN")
    bind_dn = text(
        "The account that searches; empty: without one.", 1000, label="Searching account"
    )
    secret = text("Of the searching account. Kept sealed.", 4096, label="Its password")
    user_filter = text(
        "With {username} where the name goes; empty: (uid={username}). Active Directory: "
        "(sAMAccountName={username}).",
        1000,
        label="Filter",
    )
    ca = _area(_CA, "Certificate authority")


SCHEMAS: Mapping[str, type[ma.Schema]] = {
    provider.OIDC: OidcArguments,
    provider.LDAP: LdapArguments,
    provider.LOCAL: LocalArguments,
}
ABOUT = {
    provider.OIDC: (
        "OpenID Connect",
        "Entra ID, Okta, Google, Keycloak …: people sign in on the pages of their provider.",
    ),
    provider.LDAP: (
        "LDAP",
        "Active Directory, OpenLDAP …: people type their password on our page, and the directory "
        "checks it.",
    ),
    provider.LOCAL: (
        "Local accounts",
        "Accounts that are made here, for a lab or to try things out.",
    ),
}


def fields(backend: str, realm: Realm | None, *, has_secret: bool = False) -> list[forms.Field]:
    """The form of a new realm, or of one that there is."""
    values = _values(backend, realm)
    drawn = forms.of_schema(SCHEMAS[backend](), secret=("secret",))
    order = list(SCHEMAS[backend]().fields)
    first = [item for item in drawn if not item.name.startswith(CLAIM)]
    last = [item for item in drawn if item.name.startswith(CLAIM)]
    last.sort(key=lambda item: order.index(item.name))
    return [_drawn(item, values, has_secret) for item in (*first, *last)]


def _drawn(item: forms.Field, values: Mapping[str, Any], has_secret: bool) -> forms.Field:
    if item.name == "secret":
        kept = "Empty: the one that is kept here." if has_secret else item.help
        return forms.replaced(item, kind="password", help=kept)
    kind = "text" if item.kind == "area" and item.name != "ca" else item.kind
    return forms.replaced(item, kind=kind, value=values.get(item.name) or "")


def _values(backend: str, realm: Realm | None) -> dict[str, Any]:
    mapping = realms.default_mapping(backend) if realm is None else realm.claim_mapping
    claims = {CLAIM + name: mapping.get(name) for name in RealmUser.FIELDS}
    if realm is None:
        return claims
    config = dict(realm.config)
    if "scopes" in config:
        config["scopes"] = " ".join(config["scopes"])
    return {"name": realm.name, **config, **claims}


def asked(backend: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What `realms.create` and `update` take; a secret that was not typed is left out."""
    known = dict(given)
    found: dict[str, Any] = {"name": known.pop("name")}
    if "secret" in known:
        found["secret"] = known.pop("secret")
    if backend != provider.LOCAL:
        found["claim_mapping"] = {
            name.removeprefix(CLAIM): known.pop(name) for name in list(known) if CLAIM in name
        }
        found["config"] = known
    return found
