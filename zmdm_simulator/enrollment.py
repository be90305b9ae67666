"""How a device comes to be managed: over the air in three phases, or with an MDM profile by hand.

Over the air: the profile says where to send the device's attributes (1); they go there signed with
the factory identity, and a SCEP profile comes back (2); they go there again signed with the SCEP
identity, and the MDM profile comes back (3). From there both ways are one: another identity,
Authenticate, TokenUpdate.
"""

from __future__ import annotations

import plistlib
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from zmdm_simulator import checkins, cms, pki
from zmdm_simulator.channel import Channel
from zmdm_simulator.errors import EnrollmentFailed, ProfileRefused, ScepFailed
from zmdm_simulator.models_of_devices import TVOS
from zmdm_simulator.profile import (
    PER_USER,
    SCEP,
    MdmPayload,
    Profile,
    ProfileService,
    load,
    mdm_of,
    scep_of,
)
from zmdm_simulator.scep import ScepClient
from zmdm_simulator.wire import dumps, unenrolls

if TYPE_CHECKING:
    from zmdm_simulator.device import SimulatedDevice

PROFILE_TYPE = "application/x-apple-aspen-config"
SIGNED_TYPE = "application/pkcs7-signature"


def fetch(device: SimulatedDevice, source: str | bytes) -> bytes:
    """Return a profile's bytes; a URL is fetched as a browser on the device would."""
    if isinstance(source, bytes):
        return source
    response = _http(lambda: device.wire.client().get(source), "the profile")
    return _profile_body(response, "the profile")


def _http(send: Any, what: str) -> httpx.Response:
    try:
        response: httpx.Response = send()
    except httpx.TransportError as error:
        raise EnrollmentFailed(f"{what}: no answer ({error})") from error
    return response


def _profile_body(response: httpx.Response, what: str) -> bytes:
    if response.status_code != 200:
        raise EnrollmentFailed(
            f"{what} was answered {response.status_code}", status=response.status_code
        )
    kind = response.headers.get("content-type", "").split(";")[0].strip()
    if kind != PROFILE_TYPE:
        raise EnrollmentFailed(f"{what} has the content type {kind or 'none'}", status=200)
    return response.content


def attributes(device: SimulatedDevice, service: ProfileService) -> dict[str, Any]:
    """Return the attributes that the service asked for, as far as this device has them."""
    facts, model = device.facts, device.facts.model
    known: dict[str, Any] = {
        "UDID": facts.udid,
        "VERSION": model.build,
        "PRODUCT": model.identifier,
        "SERIAL": facts.serial,
        "DEVICE_NAME": device.name,
    }
    if model.cellular:
        known |= {"IMEI": facts.imei, "MEID": facts.meid, "ICCID": facts.iccid}
    return {key: known[key] for key in service.attributes if key in known}


def over_the_air(device: SimulatedDevice, service: ProfileService) -> Profile:
    """Go through phases 2 and 3 and return the MDM profile."""
    answer = phase_two(device, service)
    scep_profile = loaded(answer)
    if not (found := scep_profile.of_type(SCEP)):
        # A server may skip the identity and hand out the last profile at once.
        return scep_profile
    identity = enroll_identity(device, found[0])
    answer = phase_three(device, service, identity)
    return loaded(answer, identity=identity)


def phase_two(
    device: SimulatedDevice, service: ProfileService, *, signer: pki.Identity | None = None
) -> httpx.Response:
    """Send the attributes and the challenge, signed with the factory identity."""
    body = attributes(device, service)
    if service.challenge is not None:
        body["CHALLENGE"] = service.challenge
    return _send_attributes(device, service, body, signer or device.factory)


def phase_three(
    device: SimulatedDevice, service: ProfileService, identity: pki.Identity
) -> httpx.Response:
    """Send the attributes again, signed with the identity from SCEP."""
    return _send_attributes(device, service, attributes(device, service), identity)


def _send_attributes(
    device: SimulatedDevice, service: ProfileService, body: dict[str, Any], signer: pki.Identity
) -> httpx.Response:
    style = cms.Style(ber=False, attributes=True, digest=device.prover.style.digest)
    extra = [cms.signing_time(device.clock())]
    signed = cms.sign_attached(dumps(body), signer, style=style, extra=extra)
    headers = {"Content-Type": SIGNED_TYPE}
    return _http(
        lambda: device.wire.client().post(service.url, content=signed, headers=headers),
        "the profile service",
    )


def loaded(response: httpx.Response, *, identity: pki.Identity | None = None) -> Profile:
    """Return the profile in an answer; EnrollmentFailed if it is none."""
    return load(_profile_body(response, "the profile service"), identity=identity)


def enroll_identity(device: SimulatedDevice, payload: Any) -> pki.Identity:
    """Get the identity that a payload describes: from SCEP, or from the PKCS#12 in it."""
    if payload["PayloadType"] != SCEP:
        return _unpacked(payload)
    facts = device.facts
    variables = {
        "SerialNumber": facts.serial,
        "ComputerName": device.name,
        "HardwareUUID": facts.udid,
        "HostName": f"mac-{facts.serial.lower()}",
    }
    client = ScepClient(device.wire.client(), scep_of(payload, variables), device.scep)
    return client.transaction(device.make_key(client.payload.key_size)).run()


def _unpacked(payload: Any) -> pki.Identity:
    try:
        password = str(payload.get("Password", "")).encode()
        key, certificate, _ = pkcs12.load_key_and_certificates(payload["PayloadContent"], password)
    except (ValueError, KeyError, TypeError) as error:
        raise ProfileRefused("the PKCS#12 cannot be opened", code=1003) from error
    if certificate is None or not isinstance(key, rsa.RSAPrivateKey):
        raise ProfileRefused("the PKCS#12 holds no RSA identity", code=1003)
    return pki.Identity(certificate, key)


def enroll(device: SimulatedDevice, source: str | bytes) -> None:
    """Bring a device under management with a profile (or its URL) of either kind."""
    if device.mdm is not None:
        raise ProfileRefused("this device is managed already", code=12001)
    profile = load(fetch(device, source))
    if profile.service is not None:
        profile = over_the_air(device, profile.service)
    install(device, profile)


def install(device: SimulatedDevice, profile: Profile) -> None:
    """Install an MDM profile: identity, Authenticate, TokenUpdate; nothing stays if one fails."""
    mdm = mdm_of(profile, allow_http=device.allow_http)
    channel = Channel()
    device.channels, device.automated = {channel.name: channel}, False
    if device.supervised and not mdm.byod and _locks_to_accounts(device):
        device.secrets.new_bypass_code()
    try:
        _take(device, profile, mdm, channel)
    except (EnrollmentFailed, ScepFailed):
        device.forget("the enrollment failed")
        raise
    device.tell("enrolled")


def _locks_to_accounts(device: SimulatedDevice) -> bool:
    """Whether it has an Activation Lock, and with that a code that gets around it."""
    model = device.facts.model
    return model.apple_silicon or model.t2 if model.is_mac else model.platform != TVOS


def renew(device: SimulatedDevice, profile: Profile) -> None:
    """Install the enrollment profile again: a new identity checks in, or all stays as it was."""
    mdm, before = mdm_of(profile, allow_http=device.allow_http), device.installed
    _check_replacement(before, mdm)
    kept = (device.mdm, device.identity, device.former_identity, device.enrollment_identifier)
    channel = device.channel()
    held = dict(channel.profiles)
    device.former_identity = device.identity
    try:
        _take(device, profile, mdm, channel)
    except (EnrollmentFailed, ScepFailed):
        device.mdm, device.identity, device.former_identity, device.enrollment_identifier = kept
        channel.profiles = held
        raise
    device.tell("renewed")


def _check_replacement(before: MdmPayload, after: MdmPayload) -> None:
    """Refuse a renewal that changes what may not change."""
    fixed = {
        "Topic": before.topic == after.topic,
        "ServerURL": before.server_url == after.server_url,
        "CheckInURL": before.checkin_url == after.checkin_url,
        "EnrollmentMode": before.enrollment_mode == after.enrollment_mode,
        "AssignedManagedAppleID": before.managed_apple_id == after.managed_apple_id,
        "ServerCapabilities": (PER_USER in before.capabilities) == (PER_USER in after.capabilities),
        "AccessRights": not after.access_rights & ~before.access_rights,
    }
    if changed := [key for key, same in fixed.items() if not same]:
        raise ProfileRefused(f"a renewal may not change {', '.join(changed)}", code=12012)


def _take(device: SimulatedDevice, profile: Profile, mdm: MdmPayload, channel: Channel) -> None:
    payload = profile.payload(mdm.identity_uuid)
    identity = enroll_identity(device, payload)
    device.mdm, device.identity = mdm, identity
    device.enrollment_identifier = profile.identifier
    _must(device.check_in(checkins.authenticate(device, channel)), "Authenticate")
    channel.profiles[profile.identifier] = profile
    announce(device, channel)


def announce(device: SimulatedDevice, channel: Channel) -> None:
    """Send a TokenUpdate for a channel."""
    _must(device.check_in(checkins.token_update(device, channel)), "TokenUpdate")
    channel.announced = True


def _must(response: httpx.Response | None, message: str) -> None:
    status = response.status_code if response is not None else 0
    if status != 200:
        raise EnrollmentFailed(f"{message} was answered {status or 'not at all'}", status=status)


def log_in(device: SimulatedDevice, channel: Channel, *, digest: str | None = None) -> bool:
    """Open a user channel; False if the server does not manage this user.

    With `digest`, this is a network or mobile account: UserAuthenticate comes first, and again with
    the digest if the server sent a challenge.
    """
    if digest is not None and not _authenticated(device, channel, digest):
        channel.declined = True
        return False
    announce(device, channel)
    channel.declined = False
    return True


def _authenticated(device: SimulatedDevice, channel: Channel, digest: str) -> bool:
    for answer in (None, digest):
        response = device.check_in(checkins.user_authenticate(device, channel, answer))
        if response.status_code == 410:
            return False
        if unenrolls(response, device):
            device.forget(f"UserAuthenticate was answered {response.status_code}")
            return False
        _must(response, "UserAuthenticate")
        reply = plistlib.loads(response.content) if response.content else {}
        if answer is None and not reply.get("DigestChallenge"):
            return True
    return bool(reply.get("AuthToken"))
