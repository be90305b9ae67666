"""Why a declaration is not in effect, in words: the codes that devices report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_LONGEST = 500
_MOST = 20

WORDS = {
    "Error.ActivationFailed": "The activation could not be put into effect.",
    "Error.AppStoreDisabled": "The App Store is turned off on the device.",
    "Error.AssetCannotBeDeserialized": "The data of an asset is not what its type asks for.",
    "Error.AssetCannotBeDownloaded": "The data of an asset could not be downloaded.",
    "Error.AssetCannotBeVerified": "The data of an asset has another size, hash or media type.",
    "Error.ConfigurationCannotBeApplied": "The device could not apply the configuration.",
    "Error.ConfigurationCannotBeDeserialized": "The device could not read the configuration.",
    "Error.ConfigurationFailed": "The configuration failed on the device.",
    "Error.ConfigurationIsInvalid": "The configuration is not valid.",
    "Error.ConfigurationNotSupported": "The device does not support this configuration.",
    "Error.DownloadFailed": "The download failed.",
    "Error.DuplicateConfiguredApp": "Another configuration manages the same app.",
    "Error.InstallFailed": "The installation failed.",
    "Error.InvalidAppID": "There is no app with this identifier.",
    "Error.InvalidPayload": "The declaration's payload is not valid.",
    "Error.LicenseNotFound": "There is no licence for the app.",
    "Error.MissingAssets": "An asset that it refers to is missing.",
    "Error.MissingConfigurations": "A configuration that it refers to is missing.",
    "Error.MissingState": "A status item that it depends on is not known on the device.",
    "Error.NotAnApp": "The identifier is not that of an app.",
    "Error.NotSupported": "The device does not support it.",
    "Error.PredicateFailed": "The condition of the activation could not be evaluated.",
    "Error.UnableToEvaluatePredicate": "The condition of the activation could not be evaluated.",
    "Error.UnableToParsePredicate": "The condition of the activation cannot be read.",
    "Error.UnableToParsePredicateWithCustomOperator": (
        "The condition of the activation has an operator that is not allowed."
    ),
    "Error.Unknown": "The device told no more than that it failed.",
    "Error.UnknownDeclarationType": "The device does not know this type of declaration.",
    "Error.UnknownPayloadKeys": "The payload has keys that the device does not know.",
    "Error.UserRejected": "The user refused.",
    "Info.NotReferencedByActivation": "No activation puts it into effect.",
    "Info.NotReferencedByConfiguration": "No configuration uses it.",
    "Info.Predicate": "The condition of its activation does not hold on this device.",
    "Info.UnsupportedSettings": "Some of its settings are not supported by the device.",
}
#: What another attempt with the same content cannot change.
LASTING = frozenset(
    {
        "Error.ConfigurationCannotBeDeserialized",
        "Error.ConfigurationIsInvalid",
        "Error.ConfigurationNotSupported",
        "Error.InvalidPayload",
        "Error.UnableToParsePredicate",
        "Error.UnableToParsePredicateWithCustomOperator",
        "Error.UnknownDeclarationType",
        "Error.UnknownPayloadKeys",
    }
)


def explained(reported: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each reason with our sentence for its code and what the device said itself."""
    found = []
    for reason in list(reported)[:_MOST]:
        code = reason.get("code")
        code = code[:128] if isinstance(code, str) else "Error.Unknown"
        said = reason.get("description")
        parts = [WORDS.get(code, ""), said if isinstance(said, str) else ""]
        text = " ".join(dict.fromkeys(part for part in parts if part))
        found.append({"code": code, "description": (text or code)[:_LONGEST]})
    return found


def lasting(reported: Iterable[Mapping[str, Any]]) -> bool:
    """Whether trying again is pointless."""
    codes = [reason.get("code") for reason in reported]
    return any(isinstance(code, str) and code in LASTING for code in codes)
