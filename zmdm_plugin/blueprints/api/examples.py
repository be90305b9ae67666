"""Examples for the description: a body for every schema, every answer and every error.

A field's own `example` counts first, then what a field of its name usually holds, then anything
that its type allows: a schema that nobody thought of here has a true example as well.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

_MOMENT, _LATER = "2026-03-28T16:27:05.829954Z", "2027-03-28T16:27:05.829954Z"
_UUID, _TASK = "4ec709ba-542e-4adf-8002-7d782e9eae9e", "b1512b8d-1e17-4181-a1c3-93a7243fddd4"
_UDID, _SERIAL = "2A7F9BCE-9B52-4073-BE21-E419C85068E9", "012345678910"
_PLIST = '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict>{}</dict></plist>'
_COMMAND = _PLIST.format("<key>RequestType</key><string>UserList</string>")
_ANSWER = _PLIST.format(
    f"<key>CommandUUID</key><string>{_UUID}</string><key>Status</key><string>Acknowledged</string>"
)
_PROFILE = _PLIST.format(
    "<key>PayloadType</key><string>Configuration</string>"
    "<key>PayloadVersion</key><integer>1</integer>"
    "<key>PayloadIdentifier</key><string>com.example.wifi</string>"
    f"<key>PayloadUUID</key><string>{_UUID}</string>"
    "<key>PayloadContent</key><array/>"
)
_FILE = b64encode(b"-----BEGIN CERTIFICATE-----\n").decode("ascii")

_NAMED: dict[str, Any] = {
    "actor": "admin@example.com",
    "actor_id": "user:1",
    "actor_kind": "user",
    "actor_label": "admin@example.com",
    "blueprint": 1,
    "channel": 27,
    "channel_kind": "device",
    "certificate_id": 1,
    "command_uuid": _UUID,
    "device_id": 27,
    "discovery_url": "https://mdm.example.com/public/mdm/account/Q7c/com.apple.remotemanagement",
    "display_name": "Example Ltd",
    "domains": ["example.com"],
    "enrolled_device": 27,
    "enrollment": 1,
    "enrollment_id": 1,
    "entry_id": 4711,
    "expires_at": _LATER,
    "identifier": "com.example.wifi",
    "issuer_id": 1,
    "kext_paths": ["/Library/Extensions/Example.kext"],
    "managed_account": "$REALM_USER.EMAIL",
    "owner_id": "user:1",
    "owner_label": "admin@example.com",
    "permissions": ["mdm.view_enrolleddevice"],
    "pin": "012345",
    "prefix": "zmdm_Q7c",
    "quota": 50,
    "realm": 1,
    "realm_id": 1,
    "realm_user": 3,
    "realm_user_id": 3,
    "serial_number": _SERIAL,
    "serial_numbers": [_SERIAL],
    "source_ip": "192.0.2.7",
    "tag_id": 3,
    "task_id": _TASK,
    "token_id": 5,
    "udid": _UDID,
    "udids": [_UDID],
    "url": "https://mdm.example.com/mdm/enroll/",
    "user_agent": "curl/8.5.0",
    "uuid": _UUID,
    "well_known_url": "https://mdm.example.com/.well-known/com.apple.remotemanagement",
}
"""What a field or an argument of this name usually holds."""

_PARTS: dict[str, dict[str, Any]] = {
    "AuditEntry": {
        "id": 4711,
        "action": "device.block",
        "object_type": "device",
        "object_id": 27,
        "object_label": _SERIAL,
        "before": {"blocked_at": None},
        "after": {"blocked_at": _MOMENT},
        "reason": None,
        "request_id": None,
        "token_id": None,
        "token_name": None,
    },
    "Event": {
        "id": 4711,
        "kind": "device.locked",
        "version": 1,
        "device_id": 27,
        "actor_id": None,
        "actor_label": None,
        "payload": {"command": _UUID},
        "request_id": "9f2d4c1e0b7a6853",
    },
    "Channel": {
        "kind": "user",
        "user_id": "0A5E2F4C-8A5D-4A4E-A7B0-2F7A1C9D3E10",
        "user_short_name": "john",
        "user_long_name": "John Appleseed",
        "ended_at": None,
        "push_due_at": None,
        "push_status": 200,
        "push_reason": None,
    },
    "Command": dict.fromkeys(
        "artifact_version artifact_operation not_before expires_at time result result_time status "
        "error_chain failure finished_at planned_by user_short_name".split()
    )
    | {"request_type": "DeviceLock", "state": "queued", "delivery_count": 0, "not_now_count": 0},
    "Device": dict.fromkeys(
        "enrollment_id os_version_extra build_version_extra imei meid phone_number shared_ipad "
        "lost_mode checkout_at blocked_at locked_at leaving_at leave_failure released_at "
        "archived_at push_dead_at".split()
    )
    | {"apple_silicon": False, "awaiting_configuration": False, "user_enrollment": False},
    "Enrollment": {"kind": "ota", "name": "Staff", "revoked_at": None, "request_count": 12},
    "NewEnrollment": {"name": "Staff"},
    "AccountEnrollment": {
        "mode": "mdm-byod",
        "name": "Own devices",
        "model_families": [],
        "revoked_at": None,
        "request_count": 12,
        "reauthenticate_days": None,
        "virtual_server": None,
    },
    "AccountSession": {
        "state": "completed",
        "product": "iPhone15,2",
        "device": 27,
        "failure": None,
        "failed_at": None,
    },
    "NewAccountEnrollment": {"name": "Own devices", "mode": "mdm-byod", "model_families": []},
    "Permission": {"name": "mdm.view_enrolleddevice", "meaning": "See devices.", "held": True},
    "Progress": {"done": 120, "total": 400, "percent": 30},
    "PushCertificate": {
        "name": "Example Ltd",
        "topic": "com.apple.mgmt.External.6ad3a1a4-542e-4adf-8002-7d782e9eae9e",
        "not_after": _LATER,
        "broken_at": None,
        "broken_reason": None,
        "warning": None,
    },
    "Realm": {
        "name": "Staff",
        "backend": "oidc",
        "enabled": True,
        "failed_at": None,
        "failure": None,
    },
    "RealmUser": {
        "username": "ada@example.com",
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "full_name": "Ada Lovelace",
        "subject": "248289761001",
        "claims": {"sub": "248289761001", "preferred_username": "ada@example.com"},
        "disabled_at": None,
    },
    "Tested": {"ok": True, "message": "The provider answers and signs with RS256 (2 keys)."},
    "ScepIssuer": {
        "name": "Example CA",
        "kind": "external",
        "url": "https://scep.example.com/scep",
        "key_size": 2048,
        "key_usage": 5,
    },
    "TaskResult": {
        "id": _TASK,
        "name": "bulk.run",
        "title": "Wake devices",
        "status": "STARTED",
        "unready": True,
        "ordered_by": "admin@example.com",
        "message": None,
        "finished_at": None,
        "result": None,
    },
}
"""What some schemas say in some of their fields."""

_WHOLE: dict[str, Any] = {
    "BulkFilter": {"platform": "macOS", "tag": "Loaner pool"},
    "CustomArgs": {"command": _COMMAND},
    "DepAssignment": {"enrollment": 1, "filter": {"device_family": "Mac"}, "count": 120},
    "DepEnrollmentChange": {"department": "Sales", "skip_setup_items": ["AppleID", "Siri"]},
    "DeviceInformationArgs": {"queries": ["DeviceName", "OSVersion"]},
    "DeviceLockArgs": {
        "pin": "012345",
        "message": "This device is locked!",
        "phone_number": "+49000000000",
    },
    "DeviceTags": {"tags": ["Loaner pool"]},
    "EnrollmentChange": {"quota": 100, "expires_at": _LATER},
    "EraseDeviceArgs": {"disallow_proximity_setup": True, "preserve_data_plan": False},
    "InstallProfileArgs": {"profile": b64encode(_PROFILE.encode()).decode("ascii")},
    "IssuerChange": {"name": "Example CA"},
    "NewBulk": {
        "action": "command:DeviceLock",
        "args": {"message": "Please bring it back."},
        "filter": {"platform": "macOS", "tag": "Loaner pool"},
        "count": 12,
        "up_to": 815,
    },
    "NewDepEnrollment": {
        "name": "Staff Macs",
        "virtual_server": 1,
        "push_certificate": 1,
        "scep_issuer": 1,
        "blueprint": 1,
        "realm": 1,
        "realm_required": True,
        "await_device_configured": True,
        "skip_setup_items": ["AppleID", "Siri"],
        "macos_min_version": "26.1",
        "use_realm_user": True,
        "username_pattern": "$REALM_USER.DEVICE_USERNAME",
        "realm_user_is_admin": True,
        "admin_full_name": "Local Administrator",
        "admin_short_name": "ladmin",
    },
    "NewIssuer": {"name": "Example CA", "url": "https://scep.example.com/scep"},
    "NewPushCertificate": {"name": "Example Ltd"},
    "NewRealm": {
        "name": "Staff",
        "backend": "oidc",
        "config": {"issuer": "https://id.example.com", "client_id": "zmdm"},
        "secret": "what the provider gave us",
    },
    "NewRealmUser": {"realm": 1, "username": "ada", "password": "four words of your own battery"},
    "RealmChange": {"enabled": False},
    "RealmUserChange": {"email": "ada@example.com"},
    "PushCertificateUpload": {"certificate": _FILE},
    "RestartDeviceArgs": {"notify_user": True},
    "TagChange": {"color": "green"},
}
"""Bodies in which all fields at once would contradict each other, or say too much."""

_TEXTS = {
    "application/x-apple-aspen-config": _PROFILE,
    "application/x-plist": _ANSWER,
    "application/x-ndjson": '{"id": 27, "serial_number": "012345678910"}\n',
    "text/csv": "id,serial_number\r\n27,012345678910\r\n",
    "application/pkcs10": "-----BEGIN CERTIFICATE REQUEST-----\n…",
}
_FAULTS = {
    400: "bad request",
    401: "a token is needed",
    403: "this needs the permission mdm.view_enrolleddevice",
    404: "there is no such row",
    409: "the device is blocked already",
    413: "request entity too large",
    415: "send application/json",
    429: "too many refused tokens; try again in a minute",
    503: "the database does not answer; try again",
}
_PLACEHOLDERS: dict[str, Any] = {
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "string": "text",
    "null": None,
}
_FORMATS = {
    "binary": _PROFILE,
    "byte": _FILE,
    "date": "2026-03-28",
    "date-time": _MOMENT,
    "email": "john@example.com",
    "ip": "192.0.2.7",
    "ipv4": "192.0.2.7",
    "ipv6": "2001:db8::7",
    "password": "…",
    "time": "16:27:05Z",
    "uri": "https://mdm.example.com/",
    "url": "https://mdm.example.com/",
    "uuid": _UUID,
}
_TYPES: dict[str, type[Any] | tuple[type[Any], ...]] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "string": str,
}

Schemas = Mapping[str, Mapping[str, Any]]


def of_named(name: str, schemas: Schemas) -> Any:
    """An example for one of the description's schemas."""
    if name in _WHOLE:
        return _WHOLE[name]
    schema = schemas[name]
    filled = of_schema(schema, schemas)
    if isinstance(filled, dict):
        known = schema.get("properties", {})
        filled |= {key: value for key, value in _PARTS.get(name, {}).items() if key in known}
    return filled


def of_schema(schema: Mapping[str, Any], schemas: Schemas, name: str = "") -> Any:
    """An example for any schema; `name` is that of the field that holds it."""
    if "$ref" in schema:
        return of_named(str(schema["$ref"]).rpartition("/")[2], schemas)
    for combined in ("allOf", "anyOf", "oneOf"):
        if combined in schema:
            return of_schema(schema[combined][0], schemas, name)
    if "example" in schema:
        return schema["example"]
    kind = _kind(schema)
    if name in _NAMED and isinstance(_NAMED[name], _TYPES.get(kind, object)):
        return _NAMED[name]
    if "enum" in schema:
        return next(one for one in schema["enum"] if one is not None)
    if kind == "object":
        fields = schema.get("properties", {})
        return {key: of_schema(inner, schemas, key) for key, inner in fields.items()}
    if kind == "array":
        return [of_schema(schema.get("items", {"type": "string"}), schemas)]
    return _scalar(schema, kind)


def of_error(code: int) -> dict[str, Any]:
    """What an error of this status looks like."""
    why = "A Mac is locked with a PIN of six digits."
    faulty = code == HTTPStatus.UNPROCESSABLE_ENTITY
    return {
        "code": code,
        "status": HTTPStatus(code).phrase,
        "message": f"pin: {why}" if faulty else _FAULTS.get(code, HTTPStatus(code).phrase.lower()),
        "errors": {"json": {"pin": [why]}} if faulty else {},
    }


def of_text(media_type: str) -> str:
    """What a body that is no JSON may look like."""
    return _TEXTS.get(media_type, "…")


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return kind if isinstance(kind, str) else next(one for one in kind if one != "null")


def _scalar(schema: Mapping[str, Any], kind: str) -> Any:
    if kind == "string" and schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    value = _PLACEHOLDERS[kind]
    if kind == "string":
        most = schema.get("maxLength", len(value))
        return str(value).ljust(schema.get("minLength", 0), "x")[:most]
    if kind in ("integer", "number"):
        return max(value, schema.get("minimum", value))
    return value
