"""Enrollments as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)
from zmdm_plugin.services.enrollment.enrollments import ACCOUNT, ADE, KINDS

_MOST = 10_000


class EnrollmentSchema(ma.Schema):
    """A way in for devices; the secret in its link is not part of it."""

    id = ma.fields.Integer(required=True)
    kind = ma.fields.String(
        required=True,
        metadata=described(
            "ota: by a link; manual: by a profile that many devices install; ade: assigned by "
            "Apple, see dep_enrollments; account: by people, see account_enrollments."
        ),
    )
    name = ma.fields.String(required=True)
    display_name = ma.fields.String(
        required=True, metadata=described("What people read on their device.")
    )
    push_certificate = ma.fields.Integer(attribute="push_certificate_id", required=True)
    scep_issuer = ma.fields.Integer(attribute="scep_issuer_id", required=True)
    blueprint = ma.fields.Integer(
        attribute="blueprint_id",
        allow_none=True,
        metadata=described("What devices get that enroll through it; null: none."),
    )
    realm = ma.fields.Integer(
        attribute="realm_id",
        allow_none=True,
        metadata=described("Where the person at the device signs in; null: nowhere."),
    )
    realm_required = ma.fields.Boolean(
        metadata=described("Whether no device comes in without a sign-in.")
    )
    quota = ma.fields.Integer(
        allow_none=True, metadata=described("How many devices; null: any number.")
    )
    request_count = ma.fields.Integer(metadata=described("How many used it."))
    serial_numbers = ma.fields.List(
        ma.fields.String(), allow_none=True, metadata=described("Only these; null: any.")
    )
    udids = ma.fields.List(
        ma.fields.String(), allow_none=True, metadata=described("Only these; null: any.")
    )
    expires_at = Moment(allow_none=True)
    revoked_at = Moment(allow_none=True)
    created_at = Moment()
    updated_at = Moment()


def _names(about: str, load_default: Any = ()) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=ma.validate.Length(min=1, max=128)),
        load_default=load_default,
        validate=ma.validate.Length(max=_MOST),
        metadata=described(about),
    )


def _blueprint(**options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        attribute="blueprint_id",
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=2**63 - 1),
        metadata=described("What devices get that enroll through it from now on; null: none."),
        **options,
    )


def _realm(**options: Any) -> ma.fields.Integer:
    return ma.fields.Integer(
        attribute="realm_id",
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=2**63 - 1),
        metadata=described("Where the person at the device signs in; null: nowhere."),
        **options,
    )


def _realm_required(**options: Any) -> ma.fields.Boolean:
    return ma.fields.Boolean(
        metadata=described("Whether no device comes in without a sign-in."), **options
    )


class NewEnrollment(ma.Schema):
    """What a new enrollment is made from."""

    kind = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(KINDS),
        metadata=described("ota: by a link; manual: by a profile that many devices install."),
    )
    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=128))
    display_name = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=128),
        metadata=described("What people read on their device; the organization unless told."),
    )
    push_certificate = ma.fields.Integer(
        required=True, validate=ma.validate.Range(min=1, max=2**63 - 1)
    )
    scep_issuer = ma.fields.Integer(required=True, validate=ma.validate.Range(min=1, max=2**63 - 1))
    blueprint = _blueprint(load_default=None)
    realm = _realm(load_default=None)
    realm_required = _realm_required(load_default=False)
    quota = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata=described("How many devices; null: any number."),
    )
    expires_at = Moment(load_default=None, allow_none=True)
    serial_numbers = _names("Only these serial numbers; empty: any.")
    udids = _names("Only these UDIDs; empty: any.")


class EnrollmentChange(ma.Schema):
    """What can be changed; what is not named stays."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    display_name = ma.fields.String(
        validate=ma.validate.Length(min=1, max=128),
        metadata=described("What people read on their device."),
    )
    blueprint = _blueprint()
    realm = _realm()
    realm_required = _realm_required()
    quota = ma.fields.Integer(
        allow_none=True,
        validate=ma.validate.Range(min=1, max=10_000_000),
        metadata=described("How many devices; null: any number."),
    )
    expires_at = Moment(allow_none=True)
    serial_numbers = _names("Only these serial numbers; empty: any.", load_default=ma.missing)
    udids = _names("Only these UDIDs; empty: any.", load_default=ma.missing)


class EnrollmentQuery(NamedPageQuery):
    """Filters of the list of enrollments."""

    name = text_argument("Exactly this name.", 128)
    kind = ma.fields.String(
        validate=ma.validate.OneOf((*KINDS, ADE, ACCOUNT)), metadata=described("Only this kind.")
    )
    revoked = ma.fields.Boolean(metadata=described("Only revoked ones, or only the others."))


class LinkSchema(ma.Schema):
    """Where devices enroll."""

    url = ma.fields.String(
        required=True, metadata=described("Whoever has this link can enroll: keep it as a secret.")
    )


class ProfileQuery(ma.Schema):
    """How a profile is wanted."""

    unsigned = ma.fields.Boolean(
        load_default=False, metadata=described("Without the server's signature.")
    )
