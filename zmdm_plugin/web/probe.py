"""An unsigned device request through the whole application, the host's hooks included."""

from __future__ import annotations

from flask import current_app
from werkzeug.test import Client

from zmdm_plugin.state import state

BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>'
    b"<key>Status</key><string>Idle</string><key>UDID</key><string>DOCTOR</string></dict></plist>"
)
"""What a device says first. Nobody has signed it, so that our own answer is 400."""
PATH = "/public/mdm/connect/"


def unsigned_device_request() -> tuple[int, str]:
    """Status and text of the answer, as a device would get it from this process."""
    client = Client(current_app)
    answer = client.put(
        PATH,
        data=BODY,
        content_type="application/xml",
        base_url=state().settings.device_url,
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},  # of a documentation network: no proxy
    )
    return answer.status_code, answer.get_data(as_text=True)[:500]
