"""What a channel holds of declarations: its memory between one synchronization and the next."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]
KINDS = {
    "Activations": "activation",
    "Configurations": "configuration",
    "Assets": "asset",
    "Management": "management",
}
UNKNOWN, INVALID, VALID = "unknown", "invalid", "valid"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a declaration is not (or only just) what it should be; the code is Apple's."""

    code: str
    description: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> Json:
        """Return the reason as status reports spell it."""
        written: Json = {"code": self.code, "description": self.description}
        return written | ({"details": dict(self.details)} if self.details else {})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the device makes of a declaration."""

    active: bool = False
    valid: str = UNKNOWN
    reasons: tuple[Reason, ...] = ()


@dataclass(slots=True)
class Held:
    """One declaration that the device has fetched; `former_token` is what it replaced."""

    kind: str
    identifier: str
    type: str
    token: str
    payload: Json
    former_token: str | None = None
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def active(self) -> bool:
        """Whether it is in effect."""
        return self.verdict.active

    @property
    def valid(self) -> str:
        """One of unknown, invalid, valid."""
        return self.verdict.valid

    @property
    def codes(self) -> list[str]:
        """The codes of the reasons, in order."""
        return [reason.code for reason in self.verdict.reasons]


@dataclass(slots=True)
class Update:
    """A system update under way, and the declaration that asks for it."""

    declaration: str
    version: str
    build: str
    at: str  # local date and time, yyyy-mm-ddThh:mm:ss
    state: str = "waiting"
    failures: int = 0
    failed_at: str | None = None


@dataclass(slots=True)
class Declared:
    """The declarations of one channel, and what the server was told about them."""

    token: str | None = None  # DeclarationsToken of the last manifest that was fetched whole
    held: dict[str, Held] = field(default_factory=dict)
    assets: dict[str, tuple[str, bytes]] = field(default_factory=dict)  # token, content
    applied: dict[str, str] = field(default_factory=dict)  # configuration: what of it is in effect
    profiles: dict[str, str] = field(default_factory=dict)  # profile: the configuration behind it
    certificates: dict[str, bytes] = field(default_factory=dict)  # configuration: DER
    reported: Json = field(default_factory=dict)  # status items as the server last took them
    errors: list[Json] = field(default_factory=list)  # the same for items that cannot be told
    full_at: datetime | None = None  # last full report
    asked: bool = False  # a synchronization is to be done
    tokens: bytes | None = None  # what the command said, to spare the first question
    update: Update | None = None

    def of_kind(self, kind: str) -> list[Held]:
        """Return the declarations of a kind, by identifier."""
        found = [held for held in self.held.values() if held.kind == kind]
        return sorted(found, key=lambda held: held.identifier)

    def to_json(self) -> Json:
        """Return everything, for a file."""
        return {
            "token": self.token,
            "held": [_held_json(held) for held in self.held.values()],
            "assets": {
                name: [token, base64.b64encode(content).decode()]
                for name, (token, content) in self.assets.items()
            },
            "applied": self.applied,
            "profiles": self.profiles,
            "certificates": {
                name: base64.b64encode(der).decode() for name, der in self.certificates.items()
            },
            "reported": self.reported,
            "errors": self.errors,
            "full_at": self.full_at.isoformat() if self.full_at else None,
            "asked": self.asked,
            "update": asdict(self.update) if self.update else None,
        }

    @classmethod
    def from_json(cls, data: Json | None) -> Declared:
        """Return what `to_json` wrote; nothing held if it wrote nothing."""
        if data is None:
            return cls()
        return cls(
            token=data["token"],
            held={item["identifier"]: _held(item) for item in data["held"]},
            assets={
                name: (token, base64.b64decode(text))
                for name, (token, text) in data["assets"].items()
            },
            applied=data["applied"],
            profiles=data["profiles"],
            certificates={n: base64.b64decode(text) for n, text in data["certificates"].items()},
            reported=data["reported"],
            errors=data["errors"],
            full_at=datetime.fromisoformat(data["full_at"]) if data["full_at"] else None,
            asked=data["asked"],
            update=Update(**data["update"]) if data["update"] else None,
        )


def _held_json(held: Held) -> Json:
    written = asdict(held)
    return written | {
        "verdict": {
            "active": held.active,
            "valid": held.valid,
            "reasons": [reason.to_json() for reason in held.verdict.reasons],
        }
    }


def _held(data: Json) -> Held:
    verdict = data["verdict"]
    reasons = tuple(Reason(**reason) for reason in verdict["reasons"])
    return Held(**{**data, "verdict": Verdict(verdict["active"], verdict["valid"], reasons)})
