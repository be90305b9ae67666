"""Push certificates as JSON; keys go in and never come out."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import Moment, PageQuery, described, text_argument
from zmdm_plugin.commands.arguments import Base64
from zmdm_plugin.models import PushCertificate
from zmdm_plugin.models.base import utcnow
from zmdm_plugin.services import push_certificates

_LARGEST = ma.validate.Length(min=1, max=64 * 1024)
_NAME = ma.validate.Length(min=1, max=256)


class PushCertificateSchema(ma.Schema):
    """A certificate that wakes devices; its key is never shown."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    topic = ma.fields.String(allow_none=True, metadata=described("Null until it is uploaded."))
    not_before = Moment(allow_none=True)
    not_after = Moment(allow_none=True, metadata=described("Renew it well before."))
    warning = ma.fields.Method(
        "warn",
        metadata=described(
            "Null, or what to do: from 30 days before its end on.", type=["string", "null"]
        ),
    )
    broken_at = Moment(
        allow_none=True, metadata=described("Since when Apple refuses it, until it is renewed.")
    )
    broken_reason = ma.fields.String(allow_none=True)
    created_at = Moment()
    updated_at = Moment()

    def warn(self, row: PushCertificate) -> str | None:
        """The words of the warning that is due."""
        due = push_certificates.expiry(row.not_after, utcnow())
        return due.words if due else None


class PushCertificateQuery(PageQuery):
    """Filters of the list of push certificates."""

    name = text_argument("Exactly this name.")


def _file(about: str, *, required: bool = False) -> Base64:
    options = {"required": True} if required else {"load_default": None, "allow_none": True}
    return Base64(
        validate=_LARGEST,
        metadata=described(f"{about} PEM or DER, as base64.", type="string", format="byte"),
        **options,
    )


def _password() -> ma.fields.String:
    return ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=ma.validate.Length(max=1000),
        metadata=described("Password of the key, if it has one.", format="password"),
    )


class NewPushCertificate(ma.Schema):
    """A name alone: the key is made here. Or a certificate with its key."""

    name = ma.fields.String(required=True, validate=_NAME)
    certificate = _file("What Apple's portal gave.")
    key = _file("Its private key.")
    password = _password()

    @ma.validates_schema
    def both_or_none(self, data: dict[str, object], **_: object) -> None:
        """A certificate without its key is of no use, nor the reverse."""
        for name, other in (("key", "certificate"), ("certificate", "key")):
            if data.get(name) is None and data.get(other) is not None:
                raise ma.ValidationError("Certificate and key come together.", name)


class PushCertificateUpload(ma.Schema):
    """The certificate that Apple made of the request, or one with a key of its own."""

    certificate = _file("What Apple's portal gave.", required=True)
    key = _file("Its private key, if it is not the one that is kept here.")
    password = _password()
