"""Archives that somebody made to hurt: refused with a reason, and before they cost anything."""

from __future__ import annotations

import base64
import hashlib
import io
import plistlib
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from zmdm_plugin.protocol.packages import manifest, tree
from zmdm_plugin.protocol.packages.values import PackageError
from zmdm_simulator import packages, pki
from zmdm_simulator.packages import App

INFO = "Payload/A.app/Info.plist"
KEYS = {"CFBundleIdentifier": "org.example.a", "CFBundleVersion": "1", "UIDeviceFamily": [1]}
SIGNER = pki.self_signed(pki.name([("CN", "Developer ID Installer: Example")]), key=pki.new_key())
END = struct.Struct("<4s4H2LH")
RSA = bytes.fromhex("06092a864886f70d010101")
"""The kind of key in a certificate: rsaEncryption."""


def refused(data: bytes) -> str:
    with pytest.raises(PackageError) as error:
        manifest.read(io.BytesIO(data))
    return str(error.value)


def application(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", method) as archive:
        archive.writestr(INFO, plistlib.dumps(KEYS))
    return kept.getvalue()


def ended(data: bytes, *, hidden: bytes = b"", record: int | None = None) -> bytes:
    """The archive with the longer numbers at its end; `record`: where those are said to be."""
    *_, entries, length, start, _comment = END.unpack_from(data, len(data) - END.size)
    body = data[: -END.size] + hidden
    at = len(body) if record is None else record
    numbers = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, entries, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    return body + numbers + locator + END.pack(b"PK\5\6", 0, 0, 65535, 65535, *[2**32 - 1] * 2, 0)


def resigned(change: Callable[[bytes], bytes]) -> bytes:
    """A package whose table of contents was changed before it was signed."""
    data = packages.pkg(App("org.example.editor", "Editor", "1"), signer=SIGNER)
    header = packages.HEADER.unpack_from(data)
    heap = data[header[1] + header[3] + 20 + SIGNER.key.key_size // 8 :]
    toc = change(zlib.decompress(data[header[1] : header[1] + header[3]]))
    packed = zlib.compress(toc)
    digest = hashlib.sha1(packed, usedforsecurity=False).digest()
    signed = SIGNER.key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA1()))
    made = packages.HEADER.pack(b"xar!", packages.HEADER.size, 1, len(packed), len(toc), 1)
    return made + packed + digest + signed + heap


def seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def test_an_archive_with_the_longer_numbers_is_read() -> None:
    assert manifest.read(io.BytesIO(ended(application()))).product_id == "org.example.a"


def test_a_file_that_is_packed_in_another_way_is_refused_also_if_it_is_damaged() -> None:
    damaged = bytearray(application(zipfile.ZIP_LZMA))
    damaged[30 + len(INFO) + 20] ^= 0xFF
    assert "unknown way" in refused(bytes(damaged))


def test_a_directory_that_readers_would_find_in_two_places_is_refused() -> None:
    """What is said to end the archive lies where only half of them look."""
    data = application()
    hidden = ended(data, hidden=ended(data)[len(data) - END.size :], record=len(data) - END.size)
    shifted = bytearray(hidden)
    shifted[len(data) - END.size + 48] ^= 1
    assert "not where it says" in refused(bytes(shifted))


def test_more_files_than_are_announced_are_counted() -> None:
    """The directory says that there is one; it lists 300,001."""
    one = struct.pack("<4s6H3L5H2L", b"PK\1\2", *[0] * 9, 1, *[0] * 6) + b"a"
    listed = one * 300_001
    data = b"PK\3\4" + listed + END.pack(b"PK\5\6", 0, 0, 1, 1, len(listed), 4, 0)
    assert "more files" in refused(data)


def test_a_file_with_two_names_is_refused() -> None:
    data = application().replace(b"Payload/A.app", b"Payload/B.app", 1)
    assert "another name" in refused(data)


def test_a_text_in_pieces_costs_what_it_costs_whole() -> None:
    long, pieces = b"x" * 4_000_000, b"<b/>x" * 4000
    first = seconds(lambda: tree.parse(b"<a>" + long + pieces + b"</a>", "it"))
    last = seconds(lambda: tree.parse(b"<a>" + pieces + long + b"</a>", "it"))
    assert first < 10 * last + 0.5


def test_a_tag_as_long_as_a_book_is_refused() -> None:
    with pytest.raises(PackageError, match="longer"):
        tree.parse(b"<a b='" + b"x" * 2_000_000 + b"'/>", "it")


def test_attributes_count_as_what_divides_a_document() -> None:
    with pytest.raises(PackageError, match="divided"):
        tree.parse(b"<a>" + b"<b c='' d=''/>" * 70_000 + b"</a>", "it")


def test_a_signature_with_an_unknown_kind_of_key_is_refused() -> None:
    der = pki.der(SIGNER.certificate)
    at = der.rindex(RSA)
    other = der[:at] + RSA[:-1] + b"\x7f" + der[at + len(RSA) :]
    changed = b"<X509Certificate>" + base64.b64encode(other) + b"</X509Certificate>"

    def change(toc: bytes) -> bytes:
        return re.sub(rb"<X509Certificate>.*</X509Certificate>", lambda _: changed, toc)

    assert "cannot be read" in refused(resigned(change))
