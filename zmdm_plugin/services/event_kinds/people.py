"""Events about realms, their people, and signing in."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import NAME, kind, maybe_number, maybe_text, number, text

_REALM = text("Name of the realm.")
_PERSON = number("Id of the person.")

KINDS = (
    kind(
        "realm.created",
        "Realm created",
        "People may come from there.",
        name=NAME,
        backend=text("oidc, ldap …"),
    ),
    kind("realm.changed", "Realm changed", "Its values.", name=NAME),
    kind("realm.deleted", "Realm deleted", "It is gone.", name=NAME),
    kind(
        "realm_user.created",
        "Person added",
        "Somebody is known by name.",
        realm=_REALM,
        realm_user=_PERSON,
    ),
    kind("realm_user.deleted", "Person deleted", "Forgotten.", realm=_REALM, realm_user=_PERSON),
    kind(
        "sign_in.succeeded",
        "Somebody signed in",
        "At a realm, e.g. to enroll a device.",
        realm=_REALM,
        realm_user=_PERSON,
        username=text("Who it was."),
        purpose=text("What for."),
    ),
    kind(
        "sign_in.failed",
        "Somebody could not sign in",
        "At a realm.",
        realm=_REALM,
        realm_user=maybe_number("Id of the person, where the name is known."),
        purpose=text("What for."),
        why=maybe_text("The reason."),
    ),
)
