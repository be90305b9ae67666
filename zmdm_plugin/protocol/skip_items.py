"""Screens of Setup Assistant that an ADE profile may skip, and where each of them exists.

https://developer.apple.com/documentation/devicemanagement/skipkeys
A key that is not here is refused: a misspelt one would skip nothing and say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Availability:
    """From which version of a system on the screen exists, and until when."""

    platform: str
    introduced: str
    deprecated: str = ""
    removed: str = ""

    @property
    def words(self) -> str:
        if ended := self.removed or self.deprecated:
            return f"{self.platform} {self.introduced} to {ended}"
        return f"{self.platform} {self.introduced}"


@dataclass(frozen=True, slots=True)
class SkipItem:
    """One screen: Apple's key, and what people read."""

    key: str
    label: str
    availability: tuple[Availability, ...]

    @property
    def words(self) -> str:
        """Where it exists, for people."""
        return ", ".join(one.words for one in self.availability)


_TABLE: Final = """
Accessibility | Accessibility (for further users) | macOS 11.0
AccessibilityAppearance | Accessibility appearance | iOS 17.0
ActionButton | Action button | iOS 17.0
Android | Move from Android | iOS 9.0
Appearance | Choose your look | iOS 13.0; macOS 10.14
AppleID | Apple Account and iCloud | iOS 7.0; macOS 10.9; tvOS 10.2; visionOS 26.0
AppStore | App Store | iOS 14.3; macOS 11.1
Biometric | Touch ID and Face ID | iOS 8.1; macOS 10.12.4; visionOS 26.0
CameraButton | Camera control | iOS 18.0
DeviceToDeviceMigration | Move from another device | iOS 12.4
Diagnostics | Analytics for Apple | iOS 7.0; macOS 10.9; tvOS 10.2; visionOS 26.0
DisplayTone | True Tone | iOS 9.3.2 deprecated 15.0; macOS 10.13.6 deprecated 12.0
EnableLockdownMode | Lockdown Mode | iOS 17.1; macOS 14.0
FileVault | FileVault | macOS 10.10
HomeButtonSensitivity | Home button | iOS 10.0 deprecated 15.0
iCloudDiagnostics | iCloud analytics | macOS 10.12.4
iCloudStorage | iCloud for documents and desktop | macOS 10.13.4
iMessageAndFaceTime | iMessage and FaceTime | iOS 12.0
Intelligence | Apple Intelligence | iOS 18.0; macOS 15.0; visionOS 26.0
Keyboard | Keyboards | iOS 13.0
LiquidGlass | Liquid Glass | iOS 27.0; macOS 27.0
Location | Location services | iOS 7.0; macOS 10.11; tvOS 10.2; visionOS 26.0
MessagingActivationUsingPhoneNumber | iMessage by phone number | iOS 10.0
Multitasking | Multitasking | iOS 26.0
OnBoarding | Introduction (early versions) | iOS 11.0 deprecated 14.0
OSShowcase | What is new | iOS 26.0; macOS 26.1
Passcode | Passcode | iOS 7.0; macOS 10.9; visionOS 26.0
Payment | Apple Pay | iOS 8.1; macOS 10.12.4; visionOS 26.0
Privacy | Privacy | iOS 11.3; macOS 10.13.4; tvOS 11.3; visionOS 26.0
Restore | Restore from a backup | iOS 7.0; macOS 10.9
RestoreCompleted | Restore completed | iOS 14.0
Safety | Safety | iOS 16.0
SafetyAndHandling | Safety and handling | iOS 18.4
ScreenSaver | Screen saver | tvOS 10.2
ScreenTime | Screen Time | iOS 12.0; macOS 10.15; visionOS 26.0
SIMSetup | SIM | iOS 12.0
Siri | Siri | iOS 7.0; macOS 10.12; tvOS 10.2; visionOS 26.0
SoftwareUpdate | Automatic updates | iOS 12.0; macOS 15.4; visionOS 26.0
SpokenLanguage | Dictation | iOS 13.0
TapToSetup | Set up with another device | tvOS 10.2
TermsOfAddress | Terms of address | iOS 16.0; macOS 13.0
Tips | Tips | visionOS 26.0
TOS | Terms and conditions | iOS 7.0; macOS 10.9; tvOS 10.2; visionOS 26.0
TVHomeScreenSync | Home screen layout | tvOS 11.0
TVProviderSignIn | TV provider | tvOS 11.0
TVRoom | Where the Apple TV is | tvOS 11.4
UnlockWithWatch | Unlock with Apple Watch | macOS 15.0
UpdateCompleted | Update completed | iOS 14.0; macOS 26.1
Wallpaper | Wallpaper | macOS 14.1 removed 26.0
WatchMigration | Move an Apple Watch | iOS 11.0
WebContentFiltering | Web content filter | iOS 18.2 removed 26.1
Welcome | Get started | iOS 13.0; macOS 15.0; visionOS 26.0
Zoom | Display zoom | iOS 8.3 deprecated 17.0; visionOS 26.0
"""


def _availability(text: str) -> Availability:
    platform, introduced, *ends = text.split()
    later = dict(zip(ends[::2], ends[1::2], strict=True))
    return Availability(platform, introduced, **later)


def _item(line: str) -> SkipItem:
    key, label, where = line.split(" | ")
    return SkipItem(key, label, tuple(_availability(one) for one in where.split("; ")))


SKIP_ITEMS: Final = {item.key: item for item in map(_item, _TABLE.strip().splitlines())}
"""By Apple's key, in alphabetical order."""
