"""SCEP (RFC 8894) of the built-in CA, with the content types that devices insist on."""

from __future__ import annotations

from flask import Blueprint, Response, request

from zmdm_plugin import db
from zmdm_plugin.blueprints.device import replies
from zmdm_plugin.errors import ProtocolError
from zmdm_plugin.protocol import scep as wire
from zmdm_plugin.services.enrollment import scep

blueprint = Blueprint("zmdm_scep", __name__, url_prefix="/public/mdm/scep")

MAX_MESSAGE = 64 * 1024
_REPLY = "application/x-pki-message"


@blueprint.route("/", methods=["GET", "POST"])
@blueprint.route("/<path:_suffix>", methods=["GET", "POST"])
def operate(_suffix: str = "") -> Response:
    """GetCACaps, GetCACert and PKIOperation; some clients append pkiclient.exe."""
    request.max_content_length = MAX_MESSAGE
    query = wire.parse_query(request.query_string.decode("ascii", "replace"))
    if query.operation == "GetCACaps":
        return replies.made(Response(scep.capabilities(), content_type="text/plain"))
    if query.operation == "GetCACert":
        with db.outages(), db.transaction():
            content_type, body = scep.ca_certificates()
        return replies.made(Response(body, content_type=content_type))
    if query.operation == "PKIOperation":
        return _pki_operation(_message(query))
    raise ProtocolError(f"operation {query.operation[:32]!r} is not served")


def _message(query: wire.ScepQuery) -> bytes:
    if request.method == "POST":
        return request.get_data(cache=False)
    if query.message is None:
        raise ProtocolError("PKIOperation by GET needs a message")
    return wire.decode_message(query.message)


def _pki_operation(message: bytes) -> Response:
    """A refusal is a CertRep with failInfo and HTTP 200, or clients would not read it."""
    try:
        with db.outages(), db.transaction():
            reply = scep.operate(message)
    except scep.Failure as failure:
        replies.write_down(failure)
        reply = failure.reply
    return replies.made(Response(reply, content_type=_REPLY))
