"""A simulated device, for tests and for the fleet.

In time order:

    device = SimulatedDevice("MacBookPro18,3", seed=1, factory_ca=ca, http=client)
    device.enroll(profile)            # bytes or URL, over the air or by hand: SCEP, Authenticate,
                                      # TokenUpdate. EnrollmentFailed.status is the server's no
    device.set_up(assigned, person)   # the same by Setup Assistant, with Apple's profile (ADE)
    device.settle()                   # first days of use: bootstrap token, the Mac's user logs in
    talk = device.connect()           # one conversation, as after a push: the commands handled
    talk.request_types                # ["DeviceInformation", …]
    talk.answer_to("SecurityInfo")    # the body that the device sent
    device.connect("adabrandt")       # the same on a user channel, by the user's short name
    device.declarations["x"].valid    # what became of a declaration: active, valid, codes
    device.progress(now)              # time passes: updates go on, reports are due
    device.check_out()                # a person removes the profile

`http` is an httpx.Client (a WSGITransport makes one that needs no server), or a function from a TLS
identity to a client. One level down, `check_in(body)` sends any check-in and returns the response,
`wire.put(...)` lets a test choose every part of a request, `repeat_last_answer()` plays a device
that lost the reply. `script` makes it misbehave, `life` and `on_event` tell what became of it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from zmdm_simulator import account_driven, checkins, enrollment, erasing, setup_assistant
from zmdm_simulator.channel import After, Channel
from zmdm_simulator.conversation import Conversation, converse
from zmdm_simulator.core import DeviceCore, Life
from zmdm_simulator.declarative import engine
from zmdm_simulator.declarative.support import items_of
from zmdm_simulator.declarative.talk import Sync
from zmdm_simulator.declarative.values import value
from zmdm_simulator.declared import Held
from zmdm_simulator.errors import NotEnrolled, SimulatorError
from zmdm_simulator.facts import User
from zmdm_simulator.pki import Identity
from zmdm_simulator.profile import BOOTSTRAP, PER_USER, Profile
from zmdm_simulator.web_view import Person
from zmdm_simulator.wire import Http, dumps


class SimulatedDevice(DeviceCore):
    """One device, and what it does when spoken to."""

    # Enrolling

    def enroll(self, profile: str | bytes, http: Http | None = None) -> None:
        """Enroll with a profile or its URL; raises what stopped it (see errors)."""
        self.http = http or self.http
        enrollment.enroll(self, profile)
        self.life = Life.ENROLLED

    def set_up(self, assigned: Mapping[str, Any], person: Person | None = None) -> None:
        """Go through Setup Assistant with the profile that Apple has assigned to it (ADE)."""
        setup_assistant.enroll(self, assigned, person)
        self.life = Life.ENROLLED

    def enroll_with_account(
        self,
        user_identifier: str,
        person: Person | None,
        *,
        site: str | None = None,
        apple: str = "",
    ) -> None:
        """Enroll as a person does in Settings with their work account; see account_driven."""
        account_driven.enroll(self, user_identifier, person, site=site, apple=apple)
        self.life = Life.ENROLLED

    def start_again(self) -> httpx.Response:
        """Restart in Setup Assistant: it says anew whether it waits, and is back at once."""
        self.wake_up()
        return self.update_token()

    def renew(self, profile: Profile) -> None:
        """Install the enrollment profile again, for a new identity."""
        enrollment.renew(self, profile)

    def settle(self) -> None:
        """Do what happens soon after an enrollment: a Mac escrows its token, its user logs in."""
        if not self.facts.model.is_mac:
            return
        if BOOTSTRAP in self.installed.capabilities:
            self.set_bootstrap_token(os.urandom(48))
        if PER_USER in self.installed.capabilities:
            self.log_in()

    def log_in(
        self,
        user: User | str | None = None,
        *,
        digest: str | None = None,
        awaiting: bool = False,
    ) -> bool:
        """Log a user in (a Mac's owner by default); False if the server declines this user.

        On a Shared iPad, pass a Managed Apple Account, which may have to wait for UserConfigured.
        `digest` plays a network account. Nobody logs in while Setup Assistant waits.
        """
        if self.awaiting:
            raise SimulatorError(f"{self.facts.serial} waits in Setup Assistant")
        if isinstance(user, str):
            user = User(user, user, "")
        channel = Channel(user or self.facts.user)
        channel = self.channels.setdefault(channel.name, channel)
        channel.awaiting = awaiting
        return enrollment.log_in(self, channel, digest=digest)

    # Talking

    def connect(self, user: str | None = None) -> Conversation:
        """Hold one conversation, as after a push; silent if the device cannot."""
        channel = self.channel(user)
        if not self.reachable or channel.declined:
            return Conversation(silent=True)
        talk = converse(self, channel)
        if channel.declarative and self.mdm is not None and self.reachable:
            talk.sync = self._follow(channel)
            talk.left = talk.left or self.mdm is None
        return talk

    def _follow(self, channel: Channel) -> Sync:
        """Do for the declarations what is due after a conversation."""
        if channel.declared.asked:
            return engine.synchronize(self, channel, now=self.clock())
        return engine.tell(self, channel, now=self.clock())

    def check_in(
        self, body: Mapping[str, Any] | bytes, *, identity: Identity | None = None
    ) -> httpx.Response:
        """Send any check-in body and return the raw response."""
        data = body if isinstance(body, bytes) else dumps(body)
        return self.wire.check_in(data, identity=identity)

    def update_token(self, user: str | None = None, *, rotate: bool = False) -> httpx.Response:
        """Send a TokenUpdate, with a new push token if told to."""
        channel = self.channel(user)
        if rotate:
            fresh = Channel()
            channel.token, channel.magic = fresh.token, fresh.magic
        return self.check_in(checkins.token_update(self, channel))

    def set_bootstrap_token(self, token: bytes | None) -> httpx.Response:
        """Escrow a bootstrap token, or take it back with None."""
        body = checkins.set_bootstrap_token(self, self.channel(), token)
        response = self.check_in(body)
        if response.status_code == 200:
            self.bootstrap_token = token or None
        return response

    def get_bootstrap_token(self) -> httpx.Response:
        """Ask for the escrowed token."""
        return self.check_in(checkins.get_bootstrap_token(self, self.channel()))

    def repeat_last_answer(self, user: str | None = None) -> httpx.Response:
        """Send the last answer again, as a device does that lost the reply."""
        body = self.channel(user).last_answer
        if body is None:
            raise NotEnrolled(f"{self.facts.serial} has answered nothing yet")
        return self.wire.connect(body)

    # Declarations

    @property
    def declarations(self) -> Mapping[str, Held]:
        """What the device channel holds, by identifier (users: `channel(name).declared.held`)."""
        return self.channel().declared.held

    @property
    def installed_profiles(self) -> Mapping[str, Profile]:
        """The device channel's profiles by identifier, whoever brought them."""
        return self.channel().profiles

    def status(self, user: str | None = None) -> dict[str, Any]:
        """Return the value of every status item that could be subscribed to, by dotted name."""
        channel = self.channel(user)
        return {item: value(self, channel, item) for item in items_of(self, channel)}

    def sync(self, user: str | None = None, *, now: datetime | None = None) -> Sync:
        """Synchronize declarations by itself, as a device does now and then."""
        channel = self.channel(user)
        if not channel.declarative:
            raise SimulatorError(f"{self.facts.serial} never got DeclarativeManagement")
        return engine.synchronize(self, channel, now=now or self.clock())

    def progress(self, now: datetime | None = None) -> list[Sync]:
        """Let time pass: one step of a system update, reports of what changed, full ones daily."""
        at, done = now or self.clock(), []
        for channel in [self.channels[name] for name in sorted(self.channels)]:
            if channel.declarative and not channel.declined and self.mdm is not None:
                act = engine.tell if channel.user else engine.progress
                done.append(act(self, channel, now=at))
        return done

    # Going away and coming back

    def check_out(self) -> httpx.Response | None:
        """Remove the profile as a person would; the CheckOut is sent once, if at all."""
        response = None
        if self.installed.check_out:
            try:
                response = self.check_in(checkins.check_out(self, self.channel()))
            except httpx.TransportError:
                response = None
        self.forget("checked out")
        return response

    def perform(self, after: After) -> None:
        """Do what an accepted answer promised."""
        {
            After.RESTART: lambda: self.go_silent(self.restart_seconds),
            After.LOCK: self._lock,
            After.SHUT_DOWN: self._power_off,
            After.ERASE: lambda: erasing.erase(self),
            After.LEAVE: self.check_out,
        }[after]()

    def reset(self) -> httpx.Response:
        """Its user erases it (or it does so itself, idle): it asks how to come back, and does."""
        return erasing.reset(self)

    def restart(self) -> None:
        """Somebody restarts it, and it is back at once."""
        self.secrets.restarted()
        self.wake_up()

    def _lock(self) -> None:
        if self.facts.model.is_mac:
            self.go_silent(self.lock_seconds)

    def _power_off(self) -> None:
        self.powered = False
        self.tell("shut down")
