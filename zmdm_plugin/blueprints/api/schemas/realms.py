"""Realms and their people as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    PageQuery,
    described,
    text_argument,
)
from zmdm_plugin.services.keyset import MAX_ID
from zmdm_plugin.services.realms import listing, passwords, provider

_LONGEST = 256
_CONFIG = described(
    "What the backend asks for. oidc: issuer, client_id; scopes, ca (PEM). ldap: url (ldaps://…, "
    "or ldap://… for StartTLS), base_dn; bind_dn, user_filter with `{username}`, ca (PEM). "
    "local: nothing.",
    example={"issuer": "https://id.example.com", "client_id": "zmdm"},
)
_MAPPING = described(
    "Which claim or attribute is the username, email, first_name, last_name, full_name, "
    "custom_attr_1, custom_attr_2 of a person; empty: what such backends usually have.",
    example={"username": "preferred_username", "email": "email"},
)
_SECRET = described("The client's secret (oidc), or the searching account's password (ldap).")


class RealmSchema(ma.Schema):
    """Where people are known, and how they prove who they are; its secret is never shown."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    backend = ma.fields.String(
        required=True, validate=ma.validate.OneOf(provider.BACKENDS), metadata=described("Kind.")
    )
    enabled = ma.fields.Boolean(
        required=True, metadata=described("Whether people may sign in through it.")
    )
    config = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata=_CONFIG)
    claim_mapping = ma.fields.Dict(keys=ma.fields.String(), required=True, metadata=_MAPPING)
    succeeded_at = Moment(
        allow_none=True, metadata=described("When its provider last did what it should.")
    )
    failed_at = Moment(allow_none=True, metadata=described("When it last did not."))
    failure = ma.fields.String(
        allow_none=True, metadata=described("What was wrong then, in words.")
    )
    created_at = Moment()
    updated_at = Moment()


class RealmChange(ma.Schema):
    """What can be changed; what is not named stays."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    enabled = ma.fields.Boolean(metadata=described("Whether people may sign in through it."))
    config = ma.fields.Dict(keys=ma.fields.String(), metadata=_CONFIG)
    secret = ma.fields.String(
        allow_none=True, validate=ma.validate.Length(min=1, max=4096), metadata=_SECRET
    )
    claim_mapping = ma.fields.Dict(keys=ma.fields.String(), metadata=_MAPPING)


class NewRealm(RealmChange):
    """What a new realm is made from."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=128))
    backend = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(provider.BACKENDS),
        metadata=described("oidc, ldap, or local: accounts of our own, for labs."),
    )


class RealmQuery(NamedPageQuery):
    """Filters of the list of realms."""

    name = text_argument("Exactly this name.", 128)
    backend = ma.fields.String(
        validate=ma.validate.OneOf(provider.BACKENDS), metadata=described("Only this kind.")
    )


class TestedSchema(ma.Schema):
    """What a test found."""

    ok = ma.fields.Boolean(required=True)
    message = ma.fields.String(required=True, metadata=described("In words."))


def _known(about: str, **options: Any) -> ma.fields.String:
    return ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(max=_LONGEST),
        metadata=described(about),
        **options,
    )


class PersonFields(ma.Schema):
    """What is known of a person."""

    email = _known("Email address.")
    first_name = _known("First name.")
    last_name = _known("Last name.")
    full_name = _known("Full name.")
    custom_attr_1 = _known("The first attribute of the realm's choice.")
    custom_attr_2 = _known("The second.")


class RealmUserSchema(PersonFields):
    """A person of a realm, as known since they last signed in."""

    id = ma.fields.Integer(required=True)
    realm = ma.fields.Integer(attribute="realm_id", required=True)
    username = ma.fields.String(required=True)
    subject = ma.fields.String(
        allow_none=True,
        metadata=described("What the provider gives to nobody else; null: it has no such thing."),
    )
    claims = ma.fields.Dict(
        allow_none=True, metadata=described("What the provider said of them the last time.")
    )
    disabled_at = Moment(
        allow_none=True, metadata=described("Local accounts: since when they may not sign in.")
    )
    last_signed_in_at = Moment(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


class RealmUserChange(PersonFields):
    """What can be changed of a local account; what is not named stays."""

    username = ma.fields.String(validate=ma.validate.Length(min=1, max=_LONGEST))
    password = ma.fields.String(
        validate=ma.validate.Length(min=passwords.LEAST, max=passwords.MOST),
        metadata=described("Another password."),
    )
    disabled = ma.fields.Boolean(metadata=described("Whether it may sign in no more."))


class NewRealmUser(PersonFields):
    """A new local account."""

    realm = ma.fields.Integer(
        required=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=MAX_ID),
        metadata=described("A realm of local accounts."),
    )
    username = ma.fields.String(
        required=True, validate=ma.validate.Length(min=1, max=_LONGEST), metadata={"example": "ada"}
    )
    password = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=passwords.LEAST, max=passwords.MOST),
        metadata=described("Kept as scrypt.", example="four words of your own battery"),
    )


class RealmUserQuery(PageQuery):
    """Filters and ordering of the list of people."""

    realm = ma.fields.Integer(
        validate=ma.validate.Range(min=1, max=MAX_ID), metadata=described("Only of this realm.")
    )
    username = text_argument("Exactly this username.")
    email = text_argument("Exactly this email address.")
    search = text_argument("Free text in the username, email address or full name.")
    ordering = ma.fields.String(
        load_default="id",
        validate=ma.validate.OneOf(listing.KEYSET.orderings),
        metadata=described("By what to sort; a minus reverses, those without a value come last."),
    )
