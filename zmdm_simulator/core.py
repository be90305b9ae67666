"""What a simulated device is made of: hardware facts, identities, channels, and where it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa

from zmdm_simulator import apps, facts, pki, secrets
from zmdm_simulator.apps import AppStore, Installed
from zmdm_simulator.channel import DEVICE, Channel, PushAddress
from zmdm_simulator.condition import Condition
from zmdm_simulator.errors import NotEnrolled
from zmdm_simulator.models_of_devices import MODELS
from zmdm_simulator.pki import DeviceCA, Identity
from zmdm_simulator.profile import MdmPayload
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.return_to_service import Return
from zmdm_simulator.scep import ScepOptions
from zmdm_simulator.script import Script
from zmdm_simulator.wire import Http, Wire

if TYPE_CHECKING:
    from zmdm_simulator.account_driven import Account


class Life(Enum):
    """Where a device stands."""

    NEW = "new"
    ENROLLED = "enrolled"
    LEFT = "left"
    ERASED = "erased"


class DeviceCore:
    """Hardware, enrollment and connections of one device: what it has, not what it does."""

    restart_seconds = 20.0
    lock_seconds = 60.0
    utc_offset = timedelta(0)  # of its local time
    installs_early = False  # somebody taps "install now" when an update is prepared
    takes_updates = True  # Setup Assistant says that it can be asked to update first
    account: Account | None = None  # of an account-driven enrollment
    signs_in_again: Callable[[str], bool] | None = None  # what its person does with a challenge
    user_enrollments = 0  # how many it has been through
    assigned: Mapping[str, Any] | None = None  # Apple's profile, as Setup Assistant was given it
    names_apps = True  # whether its answers tell what it calls an app
    app_steps = 0  # how often an app is still being installed when somebody asks
    builds: Mapping[str, str] = {}  # of system versions, where a declaration names none

    def __init__(
        self,
        model: str,
        seed: object = 0,
        *,
        factory_ca: DeviceCA | None = None,
        http: Http | None = None,
        prover: Prover | None = None,
        scep: ScepOptions | None = None,
        script: Script | None = None,
        supervised: bool = True,
        shared: bool = False,
        system: tuple[str, str] | None = None,
        allow_http: bool = False,
        clock_skew: timedelta = timedelta(0),
        make_key: Callable[[int], rsa.RSAPrivateKey] = pki.new_key,
        on_event: Callable[[DeviceCore, str], None] | None = None,
    ) -> None:
        self.facts = facts.make(MODELS[model].running(system), seed)
        self.name, self.secrets = self.facts.name, secrets.of_new(self.facts.model)
        self.factory_ca, self.http = factory_ca, http
        self.prover = prover or Prover(Proof.AUTO)
        self.make_key, self.on_event, self.clock_skew = make_key, on_event, clock_skew
        self.scep = scep or ScepOptions(clock=self.clock)
        self.script = script or Script()
        self.supervised, self.shared, self.allow_http = supervised, shared, allow_http
        self.sleep: Callable[[float], None] = time.sleep
        self.wire = Wire(self)
        self._factory: Identity | None = None
        self._come_new()

    def _come_new(self) -> None:
        """As it is unpacked: nobody manages it, nothing was changed on it."""
        self.life, self.powered, self.silent_until = Life.NEW, True, 0.0
        self.mdm: MdmPayload | None = None
        self.identity: Identity | None = None
        self.former_identity: Identity | None = None
        self.neighbour: DeviceCore | None = None  # whose certificate it may be scripted to show
        self.enrollment_identifier: str | None = None
        self.channels: dict[str, Channel] = {}
        self.apps: dict[str, Installed] = {}
        self.store = AppStore()
        self.condition = Condition()
        self.returns: Return | None = None  # how it comes back, once it is erased
        self.automated = False  # came by Automated Device Enrollment
        self.awaiting = False  # in Setup Assistant, for DeviceConfigured
        self.accounts: Mapping[str, object] = {}  # what AccountConfiguration said
        self.bootstrap_token: bytes | None = None
        self.unlock_token = secrets.new_unlock_token()

    @property
    def installed(self) -> MdmPayload:
        """The MDM payload it is enrolled with; NotEnrolled if it is not."""
        if self.mdm is None:
            raise NotEnrolled(f"{self.facts.serial} has no MDM profile")
        return self.mdm

    @property
    def own_identity(self) -> Identity:
        """The identity it proves itself with; NotEnrolled if it has none."""
        if self.identity is None:
            raise NotEnrolled(f"{self.facts.serial} has no identity")
        return self.identity

    @property
    def factory(self) -> Identity:
        """The certificate it left the factory with, made when first needed."""
        if self._factory is None:
            # Without a CA to play Apple's, it vouches for itself, and a server should refuse it.
            ca = self.factory_ca or DeviceCA.create()
            self._factory = ca.issue(key=self.make_key(pki.FACTORY_KEY_BITS))
        return self._factory

    @factory.setter
    def factory(self, identity: Identity) -> None:
        self._factory = identity

    @property
    def has_factory(self) -> bool:
        """Whether the factory certificate was needed so far."""
        return self._factory is not None

    @property
    def enrollment_id(self) -> str:
        """What names it in a user enrollment (the UDID does not); another one each time."""
        again = f"-{self.user_enrollments}" if self.user_enrollments > 1 else ""
        return f"ENROLLMENT-{self.facts.eas_identifier}{again}"

    @property
    def push_addresses(self) -> list[PushAddress]:
        """Where pushes for its channels go; none before a TokenUpdate was accepted."""
        if self.mdm is None:
            return []
        topic = self.mdm.topic
        return [
            PushAddress(topic, channel.token, channel.magic, channel.name)
            for channel in self.channels.values()
            if channel.announced and not channel.declined
        ]

    @property
    def reachable(self) -> bool:
        """Whether it would react to a push now."""
        return self.mdm is not None and self.powered and time.monotonic() >= self.silent_until

    def channel(self, user: str | None = None) -> Channel:
        """Return the device channel, or a user's; NotEnrolled if there is none."""
        try:
            return self.channels[user or DEVICE]
        except KeyError as error:
            raise NotEnrolled(f"{self.facts.serial} has no channel {user or DEVICE}") from error

    def clock(self) -> datetime:
        """Tell the time as this device believes it to be."""
        return pki.now() + self.clock_skew

    def stranger(self, *, expired: bool = False) -> Identity:
        """Return an identity with the subject of the true one that no CA of the server issued."""
        at = pki.now() - timedelta(days=400 if expired else 0)
        subject = self.own_identity.certificate.subject
        return pki.self_signed(subject, key=self.make_key(2048), at=at)

    def update_system(self, version: str, build: str) -> None:
        """Run another system from now on."""
        self.facts = replace(self.facts, model=self.facts.model.running((version, build)))

    def go_silent(self, seconds: float) -> None:
        """Be away for a while, as during a restart."""
        self.silent_until = time.monotonic() + seconds
        self.secrets.restarted()
        self.tell(f"silent for {seconds:g} s")

    def wake_up(self) -> None:
        """Be back at once: restarted, unlocked, switched on."""
        self.silent_until, self.powered = 0.0, True

    def forget(self, why: str) -> None:
        """Remove the MDM profile and everything that came with it, without a word."""
        self.life = Life.LEFT
        apps.left(self)
        self.mdm = self.identity = self.former_identity = self.enrollment_identifier = None
        self.channels, self.bootstrap_token, self.account = {}, None, None
        self.tell(f"left: {why}")

    def tell(self, event: str) -> None:
        """Report a change to whoever watches."""
        if self.on_event:
            self.on_event(self, event)
