"""xar archives, the container of `.pkg`: a compressed table of contents, then a heap.

https://github.com/apple-oss-distributions/xar

The signature is over the checksum of the table, the table has the checksums of all files: whoever
changes a byte breaks one of them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import NameOID

from zmdm_plugin.protocol.packages import tree
from zmdm_plugin.protocol.packages.tree import Node
from zmdm_plugin.protocol.packages.values import PackageError

MAGIC: Final = b"xar!"
_HEADER: Final = struct.Struct(">4sHHQQL")
MAX_PACKED_TOC: Final = 8 * 1024 * 1024
MAX_TOC: Final = 16 * 1024 * 1024
MAX_MEMBER: Final = 16 * 1024 * 1024
"""Of a file that is read: a Distribution is some kilobytes."""
_MAX_SIGNATURE: Final = 64 * 1024
_MOST_CERTIFICATES: Final = 16
_HASHES: Final = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha512": hashes.SHA512()}


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive; `offset` is in the file, `length` what it takes there."""

    name: str
    offset: int
    length: int
    size: int
    encoding: str
    checksum: tuple[str, str] | None
    """Of what it is unpacked: algorithm, hex."""


class Archive:
    """An archive whose table was read and agrees with the file's size."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(MAGIC):
            raise PackageError("it is no xar archive, as installers for macOS are")
        _, header_size, version, packed, unpacked, _algorithm = _HEADER.unpack(header)
        if version != 1 or not _HEADER.size <= header_size <= 1024:
            raise PackageError("its header is of an unknown version")
        if packed > MAX_PACKED_TOC or unpacked > MAX_TOC:
            raise PackageError("its table of contents is larger than that of any installer")
        self._heap = header_size + packed
        if self._heap > self._size:
            raise PackageError("it is cut short: its table of contents ends beyond the file")
        file.seek(header_size)
        self._packed_toc = file.read(packed)
        unpacked_toc = _inflate(self._packed_toc, unpacked, "its table of contents")
        toc = tree.parse(unpacked_toc, "its table of contents").find("toc")
        if toc is None:
            raise PackageError("its table of contents has no list of files")
        self._toc = toc
        self._check_ends()

    def members(self) -> Iterator[Member]:
        """The files of the topmost folder."""
        for node in self._toc.all("file"):
            if _text(node, "type") == "file" and (data := node.find("data")) is not None:
                yield self._member(_text(node, "name"), data)

    def has_folder_or_file(self, name: str) -> bool:
        return any(_text(node, "name") == name for node in self._toc.all("file"))

    def read(self, member: Member) -> bytes:
        """A file, unpacked and compared with its checksum."""
        if member.size > MAX_MEMBER or member.length > MAX_MEMBER:
            raise PackageError(f"{member.name} is larger than that of any installer")
        self._file.seek(member.offset)
        raw = self._file.read(member.length)
        if len(raw) != member.length:
            raise PackageError(f"it is cut short: {member.name} ends beyond the file")
        if "gzip" in member.encoding or "zlib" in member.encoding:
            raw = _inflate(raw, member.size, member.name)
        elif "octet-stream" not in member.encoding and member.encoding:
            raise PackageError(f"{member.name} is packed in an unknown way")
        if member.checksum is not None and not _agrees(raw, *member.checksum):
            raise PackageError(f"{member.name} is damaged: its checksum is another one")
        return raw

    def signer(self) -> str | None:
        """The common name of who signed it; None if nobody did, PackageError if it is broken."""
        signature = self._toc.find("signature")
        if signature is None:
            return None
        algorithm, digest = self._checksum()
        certificates = list(_certificates(signature))
        if not certificates:
            raise PackageError("its signature names no certificate")
        signed = self._heap_part(signature, "its signature")
        key, name = _key_and_name(certificates[0])
        try:
            key.verify(signed, digest, padding.PKCS1v15(), Prehashed(_HASHES[algorithm]))
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            raise PackageError("its signature is broken: it was changed after signing") from None
        return name

    def _checksum(self) -> tuple[str, bytes]:
        """The checksum of the table as the heap has it; PackageError if it is not the table's."""
        node = self._toc.find("checksum")
        algorithm = (node.attributes.get("style", "") if node is not None else "").lower()
        if node is None or algorithm not in _HASHES:
            raise PackageError("its table of contents has no checksum that is known")
        kept = self._heap_part(node, "its checksum")
        digest = hashlib.new(algorithm, self._packed_toc).digest()
        if not hmac.compare_digest(kept, digest):
            raise PackageError("its table of contents is damaged: its checksum is another one")
        return algorithm, digest

    def _heap_part(self, node: Node, what: str) -> bytes:
        offset, size = _number(node, "offset", what), _number(node, "size", what)
        if size > _MAX_SIGNATURE or self._heap + offset + size > self._size:
            raise PackageError(f"{what} lies beyond the end of the file")
        self._file.seek(self._heap + offset)
        return self._file.read(size)

    def _member(self, name: str, data: Node) -> Member:
        what = f"the entry of {name[:100]}"
        encoding = data.find("encoding")
        checksum = data.find("extracted-checksum")
        return Member(
            name=name,
            offset=self._heap + _number(data, "offset", what),
            length=_number(data, "length", what),
            size=_number(data, "size", what),
            encoding=encoding.attributes.get("style", "") if encoding is not None else "",
            checksum=(
                (checksum.attributes.get("style", "").lower(), checksum.text.strip().lower())
                if checksum is not None
                else None
            ),
        )

    def _check_ends(self) -> None:
        """Every file lies within the archive, under a name that stays within its folder."""
        for node in self._toc.walk():
            if node.tag != "file":
                continue
            name = _text(node, "name")
            if not name or name in (".", "..") or "/" in name or "\0" in name:
                raise PackageError("a file in it has a name that leads out of its folder")
            data = node.find("data")
            if data is None:
                continue
            what = f"the entry of {name[:100]}"
            end = _number(data, "offset", what) + _number(data, "length", what)
            if self._heap + end > self._size:
                raise PackageError(f"it is cut short: {name[:100]} ends beyond the file")


def _inflate(packed: bytes, size: int, what: str) -> bytes:
    """Unpack to exactly this size: one byte more is a bomb, one less is damage."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(packed, size + 1)
    except zlib.error:
        raise PackageError(f"{what} is damaged and cannot be unpacked") from None
    if len(unpacked) > size or unpacker.unconsumed_tail:
        raise PackageError(f"{what} unpacks to more than it says")
    if len(unpacked) < size or not unpacker.eof:
        raise PackageError(f"{what} is cut short")
    return unpacked


def _agrees(data: bytes, algorithm: str, digest: str) -> bool:
    if algorithm not in (*_HASHES, "md5"):
        return False
    return hmac.compare_digest(
        hashlib.new(algorithm, data, usedforsecurity=False).hexdigest().encode(), digest.encode()
    )


def _certificates(signature: Node) -> Iterator[x509.Certificate]:
    """The signer's first, as xar writes them."""
    found = signature.find("KeyInfo", "X509Data")
    load: Callable[[bytes], x509.Certificate] = x509.load_der_x509_certificate
    for number, node in enumerate(found.all("X509Certificate") if found is not None else ()):
        if number >= _MOST_CERTIFICATES:
            return
        try:
            yield load(base64.b64decode("".join(node.text.split()), validate=True))
        except (ValueError, binascii.Error, UnsupportedAlgorithm):
            raise PackageError("a certificate of its signature cannot be read") from None


def _key_and_name(certificate: x509.Certificate) -> tuple[rsa.RSAPublicKey, str]:
    """Neither is looked at when a certificate is loaded: what is wrong with them shows here."""
    try:
        key = certificate.public_key()
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        name = str(names[0].value) if names else certificate.subject.rfc4514_string()
    except (ValueError, UnsupportedAlgorithm):
        raise PackageError("the certificate of its signature cannot be read") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise PackageError("its signature is of an unknown kind")
    return key, name.replace("\0", "")[:255]


def _text(node: Node, tag: str) -> str:
    found = node.find(tag)
    return found.text.strip() if found is not None else ""


def _number(node: Node, tag: str, what: str) -> int:
    given = _text(node, tag)
    if not (given.isascii() and given.isdigit() and len(given) <= 18):
        raise PackageError(f"{what} has no {tag}")
    return int(given)
