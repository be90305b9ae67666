"""Events about what Apple and devices trust this server by."""

from __future__ import annotations

from zmdm_plugin.services.event_kinds.base import NAME, Field, kind, number, text

_TOPIC = text("Its topic.")

KINDS = (
    kind(
        "push_certificate.taken",
        "Push certificate taken",
        "A certificate of Apple's, for a new topic or in the place of an older one.",
        name=NAME,
        topic=_TOPIC,
        renewed=Field("boolean", "Whether there was one for the topic."),
    ),
    kind(
        "push_certificate.deleted",
        "Push certificate deleted",
        "It is gone.",
        name=NAME,
        topic=Field("string", "Its topic.", required=False),
    ),
    kind(
        "push_certificate.broken",
        "Push certificate does not work",
        "Apple's push service refuses it: no device is woken.",
        name=NAME,
        reason=text("APNs' reason."),
    ),
    kind("push_certificate.mended", "Push certificate works again", "Pushes are sent.", name=NAME),
    kind(
        "ca.created",
        "CA created",
        "A new generation of the built-in CA.",
        name=NAME,
        generation=number("Which."),
        fingerprint=text("SHA-256 of its certificate."),
    ),
    kind(
        "ca.took_over",
        "The next generation of the CA issues from now on",
        "The former one is still trusted.",
        name=NAME,
        generation=number("Which."),
    ),
    kind("issuer.created", "SCEP issuer created", "Another CA may issue.", name=NAME),
    kind("issuer.changed", "SCEP issuer changed", "Its values.", name=NAME),
    kind("issuer.deleted", "SCEP issuer deleted", "It is gone.", name=NAME),
    kind(
        "credential.expires",
        "Credential expires",
        "Something will stop working unless somebody renews it: 30, 14, 7, 1 days ahead, and at "
        "the end.",
        credential=text("What it is."),
        name=NAME,
        ends=text("When (RFC 3339)."),
        days=number("Which warning this is; 0: it has ended."),
    ),
)
