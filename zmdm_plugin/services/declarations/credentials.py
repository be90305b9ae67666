"""What a certificate asset points at: how the device gets the certificate, made at download.

https://developer.apple.com/documentation/devicemanagement/credentialscep
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from zmdm_plugin.db import session
from zmdm_plugin.errors import NotFound, Refused
from zmdm_plugin.models import ArtifactVersion, Channel, ScepIssuer
from zmdm_plugin.protocol import variables
from zmdm_plugin.services import vault

CONTENT_TYPE = "application/json"


def scep(version: ArtifactVersion, channel: Channel, *, values: Mapping[str, str]) -> bytes:
    """The credential of one channel; Refused when a variable in it has no value here."""
    content = version.content
    issuer = session().get(ScepIssuer, content["scep_issuer"])
    if issuer is None or issuer.url is None:
        raise NotFound("the issuer of this certificate is gone")
    asked = {"subject": content["subject"], "names": content["subject_alt_name"]}
    given, unresolved = variables.substitute(asked, values)
    if unresolved:
        raise Refused("", f"no value for {', '.join(sorted(unresolved))}")
    challenge = vault.unseal(issuer, "challenge")
    credential: dict[str, Any] = {
        "URL": issuer.url,
        "Name": issuer.ca_name,
        "Subject": [[[part["type"], part["value"]]] for part in given["subject"]],
        "SubjectAltName": given["names"] or None,
        "Challenge": challenge.decode() if challenge is not None else None,
        "Keysize": issuer.key_size,
        "Key Type": "RSA",
        "Key Usage": issuer.key_usage,
        "CAFingerprint": _fingerprint(issuer.ca_fingerprint),
    }
    return json.dumps({key: value for key, value in credential.items() if value}).encode()


def _fingerprint(text: str | None) -> str | None:
    """Data in JSON is base64."""
    return base64.b64encode(bytes.fromhex(text)).decode() if text else None
