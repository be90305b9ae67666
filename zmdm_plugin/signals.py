"""Signals for the host, sent after commit; a receiver that raises is logged and harms nothing.

Each is sent with the Flask application as sender and ids as keyword arguments, never with rows.
"""

from __future__ import annotations

from blinker import Namespace

_namespace = Namespace()

device_enrolled = _namespace.signal("zmdm.device_enrolled")
"""A first TokenUpdate took an enrollment into effect: device_id, session_id."""

device_checked_out = _namespace.signal("zmdm.device_checked_out")
"""A device removed its MDM profile: device_id."""

device_renewed = _namespace.signal("zmdm.device_renewed")
"""A device took a new identity certificate: device_id, session_id."""

identity_overdue = _namespace.signal("zmdm.identity_overdue")
"""Half of the time in which a device should have got its new identity has passed: device_id, ends.
Once for each identity."""

command_answered = _namespace.signal("zmdm.command_answered")
"""A command reached a final status: command_uuid, device_id, status."""

credential_expires = _namespace.signal("zmdm.credential_expires")
"""30, 14, 7 and 1 days before a push certificate, a CA, an issuer's or a configured certificate
ends, and once it has: kind, name, ends, days (0: it has ended)."""
