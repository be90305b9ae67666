"""The forms of artifacts: settings that may change, and sources by type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import request

from zmdm_plugin.admin import app_forms, artifact_words, forms
from zmdm_plugin.admin.screen import session
from zmdm_plugin.admin.words import sentence
from zmdm_plugin.errors import Refused
from zmdm_plugin.models import Artifact, ArtifactVersion, ScepIssuer
from zmdm_plugin.models.artifacts import DECLARATIONS
from zmdm_plugin.services.artifacts import comparing, uploads
from zmdm_plugin.services.artifacts.resolve import DECLARED_ONLY

REINSTALLED = ("profile", "provisioning_profile", "configuration")
"""Types for which putting them on anew means something."""
_FILES = {
    "profile": "A .mobileconfig file, as Apple Configurator, iMazing or a vendor made it.",
    "provisioning_profile": "A .mobileprovision or .provisionprofile file.",
    "data_asset": "A property list or a zip archive.",
}
_NAMES = {
    "dNSName": "DNS name",
    "rfc822Name": "E-mail address",
    "uniformResourceIdentifier": "URI",
    "ntPrincipalName": "NT principal name",
}
_ACCESSIBLE = (
    ("Default", "When the device is unlocked"),
    ("AfterFirstUnlock", "From the first unlock on"),
)
_MOST_CHOICES = 1000
_ON_DEVICES = frozenset({"provisioning_profile", *app_forms.KINDS})
"""Types that have no user channel."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a form brought, as the API would get it."""

    data: bytes
    filename: str | None = None


def settings(kind: str, row: Artifact | None) -> list[forms.Field]:
    """What can be set besides platforms and requirements."""
    fields = [
        forms.Field(
            name="name", label="Name", required=True, most=256, value=row.name if row else ""
        )
    ]
    if row is None and kind not in _ON_DEVICES:
        channels = tuple(artifact_words.CHANNELS.items())
        fields.append(
            forms.Field(
                name="channel",
                label="For",
                kind="choice",
                required=True,
                choices=channels,
                value="device",
                help="Users: who is signed in on a Mac or a Shared iPad. Cannot be changed later.",
            )
        )
    fields.append(
        forms.Field(
            name="install_during_setup_assistant",
            label="Install it during Setup Assistant already",
            kind="check",
            value=row.install_during_setup_assistant if row else False,
        )
    )
    if kind not in DECLARED_ONLY:
        fields.append(
            forms.Field(
                name="auto_update",
                label="New versions replace older ones on devices",
                kind="check",
                value=row.auto_update if row else True,
                help="Otherwise devices keep the version that they have.",
            )
        )
    return [*fields, *(_reinstalling(row) if kind in REINSTALLED else ())]


def _reinstalling(row: Artifact | None) -> list[forms.Field]:
    return [
        forms.Field(
            name="reinstall_interval",
            label="Days until it is installed anew",
            kind="number",
            value=row.reinstall_interval if row else 0,
            help="0: never.",
        ),
        forms.Field(
            name="reinstall_on_os_update",
            label="Install it anew with an OS update",
            kind="choice",
            required=True,
            choices=tuple(artifact_words.REINSTALL.items()),
            value=row.reinstall_on_os_update if row else "no",
        ),
    ]


def settings_asked(fields: Sequence[forms.Field]) -> dict[str, Any]:
    """Settings as the service takes them; Refused for a number that is none."""
    asked: dict[str, Any] = {item.name: item.value for item in fields}
    if "reinstall_interval" in asked:
        days = str(asked["reinstall_interval"]).strip() or "0"
        if not (days.isascii() and days.isdecimal() and len(days) < 9):
            raise Refused("reinstall_interval", "must be a number of days")
        asked["reinstall_interval"] = int(days)
    return asked


def source_fields(
    kind: str, version: ArtifactVersion | None = None, *, begin: str = ""
) -> list[forms.Field]:
    """What a version of this type is made from; prefilled with the last, unless it holds secrets.

    `begin`: a payload to begin a declaration with.
    """
    content: Mapping[str, Any] = version.content if version is not None else {}
    if kind in _FILES:
        return [
            forms.Field(name="source", label="File", kind="file", required=True, help=_FILES[kind])
        ]
    if kind == "cert_asset":
        return _certificate(content)
    if kind in app_forms.KINDS:
        return app_forms.fields(kind, content)
    last = content.get("payload")
    if last is None or comparing.masked(last) != last:
        return _declaration(begin)
    return _declaration(json.dumps(last, indent=2, ensure_ascii=False))


def _declaration(payload: str) -> list[forms.Field]:
    return [
        forms.Field(
            name="document",
            label="Declaration",
            kind="json",
            value=payload,
            help="JSON: the payload alone, or a whole declaration with Type, Identifier and "
            "Payload. Other artifacts are referred to by name, uid or Identifier.",
        ),
        forms.Field(
            name="source",
            label="Or a file",
            kind="file",
            help="A whole declaration; it counts instead of the text.",
        ),
    ]


def _certificate(content: Mapping[str, Any]) -> list[forms.Field]:
    issuers = session().execute(sa.select(ScepIssuer.id, ScepIssuer.name).order_by(ScepIssuer.name))
    subject = [f"{part['type']}={part['value']}" for part in content.get("subject", ())]
    names = content.get("subject_alt_name", {})
    return [
        forms.Field(
            name="scep_issuer",
            label="SCEP issuer",
            kind="choice",
            required=True,
            choices=tuple((str(row_id), name) for row_id, name in issuers),
            value=content.get("scep_issuer", ""),
        ),
        forms.Field(
            name="subject",
            label="Subject",
            kind="lines",
            value="\n".join(subject) if content else "CN=$ENROLLED_DEVICE.SERIAL_NUMBER",
            help="One part per line, such as CN=$ENROLLED_DEVICE.SERIAL_NUMBER or O=Example Ltd.",
        ),
        *(
            forms.Field(name=name, label=f"Alternative name: {shown}", value=names.get(name, ""))
            for name, shown in _NAMES.items()
        ),
        forms.Field(
            name="accessible",
            label="The key can be used",
            kind="choice",
            required=True,
            choices=_ACCESSIBLE,
            value=content.get("accessible", "Default"),
        ),
    ]


def source(kind: str, *, declaration_type: str | None) -> Source:
    """What was sent; Refused("source", …) if nothing was."""
    if kind == "cert_asset":
        return Source(_certificate_asked())
    if kind in app_forms.KINDS:
        return Source(app_forms.source(kind))
    upload = request.files.get("source")
    if upload is not None and upload.filename:
        return Source(upload.read(), upload.filename)
    document = request.form.get("document", "").strip()
    if kind in DECLARATIONS and document:
        return Source(_whole(document, declaration_type).encode())
    raise Refused("document" if kind in DECLARATIONS else "source", "is needed")


def _whole(document: str, declaration_type: str | None) -> str:
    """The declaration; a payload alone gets the type that was chosen."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise Refused("document", f"is not JSON: {error}"[:300]) from None
    if isinstance(found, dict) and {"Type", "Payload"} <= found.keys():
        return document
    if declaration_type is None:
        raise Refused("document", "must have Type and Payload")
    return json.dumps({"Type": declaration_type, "Payload": found}, ensure_ascii=False)


def _certificate_asked() -> bytes:
    issuer = request.form.get("scep_issuer", "")
    lines = [line.strip() for line in request.form.get("subject", "").splitlines() if line.strip()]
    parts = [line.partition("=") for line in lines]
    if not all(equals for _, equals, _ in parts):
        raise Refused("subject", "each line looks like CN=value")
    names = {name: request.form.get(name, "").strip() for name in _NAMES}
    asked = {
        "scep_issuer": int(issuer) if issuer.isascii() and issuer.isdecimal() else issuer,
        "subject": [{"type": key.strip(), "value": value.strip()} for key, _, value in parts],
        "subject_alt_name": {name: value for name, value in names.items() if value},
        "accessible": request.form.get("accessible", uploads.ACCESSIBLE[0]),
    }
    return json.dumps(asked, ensure_ascii=False).encode()


def blame(form: forms.Form, error: Refused, *, kind: str) -> list[Any]:
    """Put a fault of the service where it belongs; problems with a path are a list of their own."""
    if isinstance(error, uploads.Faulty):
        form.fault = "It was not kept: devices would refuse it."
        return list(error.problems)
    if error.field in ("platforms", "requires"):
        form.faults[error.field] = sentence(error.why)
        return []
    name = "document" if error.field == "source" and kind in DECLARATIONS else error.field
    form.blame(name if name != "subject_alt_name" else "dNSName", error.why)
    return []


def others(kind: str, row: Artifact | None) -> Sequence[Artifact]:
    """Which artifacts may be required: of the same channel, and not this one."""
    query = sa.select(Artifact).order_by(Artifact.name).limit(_MOST_CHOICES)
    if row is not None:
        query = query.where(Artifact.channel == row.channel, Artifact.id != row.id)
    if kind in _ON_DEVICES:
        query = query.where(Artifact.channel == "device")
    return session().scalars(query).all()
