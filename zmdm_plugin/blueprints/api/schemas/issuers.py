"""SCEP issuers as JSON."""

from __future__ import annotations

import marshmallow as ma

from zmdm_plugin.blueprints.api.schemas.fields import (
    Moment,
    NamedPageQuery,
    described,
    text_argument,
)

_KEY_SIZES = (2048, 3072, 4096)
_USAGE = described("1 sign, 4 encrypt, 5 both.")


class ScepIssuerSchema(ma.Schema):
    """Where devices get their identity from; its challenge is never shown."""

    id = ma.fields.Integer(required=True)
    name = ma.fields.String(required=True)
    kind = ma.fields.String(required=True, metadata=described("builtin or external"))
    url = ma.fields.String(allow_none=True)
    key_size = ma.fields.Integer(required=True)
    key_usage = ma.fields.Integer(required=True, metadata=_USAGE)
    ca_name = ma.fields.String(allow_none=True)
    ca_fingerprint = ma.fields.String(allow_none=True, metadata=described("Hexadecimal."))
    created_at = Moment()
    updated_at = Moment()


class IssuerChange(ma.Schema):
    """What can be changed; what is not named stays."""

    name = ma.fields.String(validate=ma.validate.Length(min=1, max=128))
    url = ma.fields.String(
        validate=ma.validate.Length(min=1, max=2000),
        metadata=described("Of the SCEP service.", example="https://scep.example.com/scep"),
    )
    challenge = ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(min=1, max=1024),
        metadata=described("The static challenge of the service; null: none."),
    )
    key_size = ma.fields.Integer(validate=ma.validate.OneOf(_KEY_SIZES))
    key_usage = ma.fields.Integer(validate=ma.validate.OneOf((1, 4, 5)), metadata=_USAGE)
    ca_name = ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(min=1, max=256),
        metadata=described("The instance name that some services ask for."),
    )
    ca_fingerprint = ma.fields.String(
        allow_none=True,
        validate=ma.validate.Length(min=1, max=300),
        metadata=described("Of the CA's certificate, hexadecimal; colons are fine."),
    )


class NewIssuer(IssuerChange):
    """A SCEP service elsewhere."""

    name = ma.fields.String(required=True, validate=ma.validate.Length(min=1, max=128))
    url = ma.fields.String(
        required=True,
        validate=ma.validate.Length(min=1, max=2000),
        metadata=described("Of the SCEP service.", example="https://scep.example.com/scep"),
    )


class IssuerQuery(NamedPageQuery):
    """Filters of the list."""

    name = text_argument("Exactly this name.", 128)
    kind = ma.fields.String(
        validate=ma.validate.OneOf(("builtin", "external")), metadata=described("Only this kind.")
    )
