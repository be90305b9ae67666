"""Account-driven enrollments and their sessions as JSON."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described
from zmdm_plugin.models import AccountSettings, EnrollmentSession
from zmdm_plugin.protocol.account_driven import FAMILIES, MODES
from zmdm_plugin.services.account import accounts, discovery
from zmdm_plugin.services.account.listing import ORDERINGS

_MODE = "mdm-byod: user enrollment, of people's own devices; mdm-adde: device enrollment."
_VOUCHES = (
    "Whose organization vouches for the accounts on people's own devices; null: the one that was "
    "connected first."
)
_ID = ma.validate.Range(min=1, max=2**63 - 1)


class AccountEnrollmentSchema(ma.Schema):
    """A way in for people with a Managed Apple Account."""

    id = ma.fields.Integer(attribute="enrollment_id", required=True)
    name = ma.fields.String(required=True)
    display_name = ma.fields.String(
        attribute="enrollment.display_name",
        required=True,
        metadata=described("What people read on their device."),
    )
    mode = ma.fields.String(required=True, metadata=described(_MODE))
    domains = ma.fields.List(
        ma.fields.String(), metadata=described("Whose people's devices are sent here.")
    )
    model_families = ma.fields.List(
        ma.fields.String(), metadata=described("Only these kinds of devices; empty: all.")
    )
    is_default = ma.fields.Boolean(
        metadata=described("Also for people of domains that no enrollment names.")
    )
    managed_account = ma.fields.String(
        metadata=described("How the account follows from who signed in."),
    )
    reauthenticate_days = ma.fields.Integer(
        allow_none=True,
        metadata=described("After how many days people sign in again; null: never."),
    )
    virtual_server = ma.fields.Integer(
        attribute="server_id", allow_none=True, metadata=described(_VOUCHES)
    )
    realm = ma.fields.Integer(
        attribute="enrollment.realm_id", metadata=described("Where people sign in.")
    )
    push_certificate = ma.fields.Integer(attribute="enrollment.push_certificate_id")
    scep_issuer = ma.fields.Integer(attribute="enrollment.scep_issuer_id")
    blueprint = ma.fields.Integer(attribute="enrollment.blueprint_id", allow_none=True)
    quota = ma.fields.Integer(
        attribute="enrollment.quota",
        allow_none=True,
        metadata=described("How many devices; null: any number."),
    )
    request_count = ma.fields.Integer(
        attribute="enrollment.request_count", metadata=described("How many used it.")
    )
    expires_at = Moment(attribute="enrollment.expires_at", allow_none=True)
    revoked_at = Moment(attribute="enrollment.revoked_at", allow_none=True)
    well_known_url = ma.fields.Function(
        lambda _row: discovery.root_url(),
        metadata=described(
            "What the domains' /.well-known/com.apple.remotemanagement redirects to, with its "
            "query.",
            type="string",
        ),
    )
    discovery_url = ma.fields.Function(
        lambda row: _discovery_url(row),
        metadata=described(
            "The same for this enrollment alone: for redirects that drop the query.",
            type="string",
        ),
    )
    created_at = Moment()
    updated_at = Moment()


def _discovery_url(row: AccountSettings) -> str:
    return discovery.url_of(row.enrollment)


def _texts(about: str, one: Any, **options: Any) -> ma.fields.List[str]:
    return ma.fields.List(
        ma.fields.String(validate=one),
        validate=ma.validate.Length(max=500),
        metadata=described(about),
        **options,
    )


class AccountEnrollmentChange(ma.Schema):
    """What can be changed; what is not named stays. Devices that are in stay as they came."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    display_name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    mode = ma.fields.String(
        validate=ma.validate.OneOf(MODES),
        metadata=described(f"{_MODE} It stays once a device has enrolled."),
    )
    domains = _texts("Whose people's devices are sent here.", ma.validate.Length(min=1, max=253))
    model_families = _texts("Only these kinds of devices; empty: all.", ma.validate.OneOf(FAMILIES))
    is_default = ma.fields.Boolean(
        metadata=described("Also for people of domains that no enrollment names.")
    )
    managed_account = ma.fields.String(
        validate=ma.validate.Length(min=1, max=256),
        metadata=described("A pattern of variables of the person who signs in."),
    )
    reauthenticate_days = ma.fields.Integer(
        allow_none=True,
        strict=True,
        validate=ma.validate.Range(min=1, max=3650),
        metadata=described("After how many days people sign in again; null: never."),
    )
    virtual_server = ma.fields.Integer(
        attribute="server_id",
        allow_none=True,
        strict=True,
        validate=_ID,
        metadata=described(_VOUCHES),
    )
    blueprint = ma.fields.Integer(
        attribute="blueprint_id", allow_none=True, strict=True, validate=_ID
    )
    quota = ma.fields.Integer(
        allow_none=True, strict=True, validate=ma.validate.Range(min=1, max=10_000_000)
    )
    expires_at = Moment(allow_none=True)


class NewAccountEnrollment(AccountEnrollmentChange):
    """What a new one is made from."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=128))
    display_name = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=128),
        metadata=described("What people read on their device; the organization unless told."),
    )
    mode = ma.fields.String(
        required=True, validate=ma.validate.OneOf(MODES), metadata=described(_MODE)
    )
    managed_account = ma.fields.String(
        load_default=accounts.PATTERN,
        validate=ma.validate.Length(min=1, max=256),
        metadata=described("A pattern of variables of the person who signs in."),
    )
    realm = ma.fields.Integer(
        required=True, strict=True, validate=_ID, metadata=described("Where people sign in.")
    )
    push_certificate = ma.fields.Integer(required=True, strict=True, validate=_ID)
    scep_issuer = ma.fields.Integer(required=True, strict=True, validate=_ID)


class AccountEnrollmentQuery(PageQuery):
    """Filters of the list."""

    ordering = ma.fields.String(
        load_default="id",
        validate=ma.validate.OneOf(ORDERINGS),
        metadata=described("By what to sort; a minus reverses."),
    )
    mode = ma.fields.String(validate=ma.validate.OneOf(MODES), metadata=described("Only these."))
    revoked = ma.fields.Boolean(metadata=described("Only revoked ones, or only the others."))


class SessionQuery(PageQuery):
    """Which sessions, in what order."""

    ordering = ma.fields.String(
        load_default="-id",
        validate=ma.validate.OneOf(ORDERINGS),
        metadata=described("By what to sort; a minus reverses."),
    )


class AccountSessionSchema(ma.Schema):
    """A person's device on its way in. No serial number and no UDID: it may be their own."""

    id = ma.fields.Integer(required=True)
    state = ma.fields.String(
        required=True,
        metadata=described("profiled, authenticated, completed, superseded, cancelled or failed."),
    )
    device = ma.fields.Integer(attribute="device_id", allow_none=True)
    product = ma.fields.String(allow_none=True, metadata=described("As the device says it."))
    username = ma.fields.Function(
        lambda row: row.realm_user.username if row.realm_user else None,
        metadata=described("Who signed in.", type=["string", "null"]),
    )
    managed_account = ma.fields.Function(
        lambda row: _account(row),
        metadata=described("What the device was given.", type=["string", "null"]),
    )
    authenticated_at = Moment(allow_none=True)
    completed_at = Moment(allow_none=True)
    failure = ma.fields.String(
        allow_none=True, metadata=described("The last step that was refused, and why.")
    )
    failed_at = Moment(allow_none=True)
    created_at = Moment()


def _account(row: EnrollmentSession) -> str | None:
    return (row.payload or {}).get("assigned_managed_apple_id")
