"""What the demo's devices get: a profile, a declaration and the blueprint that brings them."""

from __future__ import annotations

import json
import plistlib
from typing import Any

PROFILE_NAME, DECLARATION_NAME, BLUEPRINT = "Office Wi-Fi", "Passcode", "Everybody"
BY_COMMAND = "Everybody, apps by command"
"""Brings the same; its apps go by command to every device, the other's by declaration."""
PACKAGE_NAME = "Corporate Editor"
LOCATION, STORE_APP = "Berlin", "361285480"
STORE_PLATFORMS = ("macOS", "iOS", "iPadOS")
STORE_APPS = {
    STORE_APP: ("Notes for Work", 2000),
    "361309726": ("Sketches", 25),
    "409201541": ("Maps", 3),
}
"""What the played store calls them, and how many licences the location has."""
SERVER, REALM, FROM_APPLE = "Demo MDM", "Demo people", "Demo from Apple"
PEOPLE = {
    "ada@example.com": "Ada Brandt",
    "amir@example.com": "Amir Costa",
    "chen@example.com": "Chen Diallo",
    "greta@example.com": "Greta Engel",
}
SETUP_ASSISTANT: dict[str, Any] = {
    "realm_required": True,
    "await_device_configured": True,
    "department": "Demo",
    "support_email_address": "help@example.com",
    "skip_setup_items": ["AppleID", "Diagnostics", "Siri", "ScreenTime"],
    "use_realm_user": True,
    "username_pattern": "$REALM_USER.EMAIL_PREFIX",
    "realm_user_is_admin": False,
    "admin_full_name": "Local Administrator",
    "admin_short_name": "ladmin",
    "hidden_admin": True,
}
"""What devices that Apple assigns are told: somebody signs in, and Setup Assistant waits for us."""


def profile() -> bytes:
    """A wireless network, which every platform of the fleet takes, with a variable in its name."""
    network = {
        "PayloadType": "com.apple.wifi.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": "org.example.demo.wifi",
        "PayloadUUID": "6C1F0F5E-9D3B-4C0A-8B62-1B8A9A0F6E11",
        "PayloadDisplayName": "Wi-Fi for $ENROLLED_DEVICE.SERIAL_NUMBER",
        "SSID_STR": "Example",
        "HIDDEN_NETWORK": False,
        "AutoJoin": True,
        "EncryptionType": "WPA2",
        "Password": "only in the demo",
    }
    content = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": "org.example.demo",
        "PayloadUUID": "0B5D4A5E-6A52-4C8B-9E5B-2C3E4A7D9F10",
        "PayloadDisplayName": PROFILE_NAME,
        "PayloadScope": "System",
        "PayloadContent": [network],
    }
    return plistlib.dumps(content)


def declaration() -> bytes:
    """A passcode that is asked for, as declarative management says it."""
    content = {
        "Type": "com.apple.configuration.passcode.settings",
        "Identifier": "org.example.demo.passcode",
        "Payload": {"RequirePasscode": True, "MinimumLength": 6},
    }
    return json.dumps(content).encode()
