"""Authenticated encryption for what must not lie in a database in the clear.

A sealed value is bound to a stable label (`device.unlock_token`) and the uid of its row, so that
it opens nowhere else: a value copied to another row or column is refused. Several keys may be
present; the first seals, all open, which is how keys are rotated.

Wire form: `z1.<key id>.<base64url(nonce || ciphertext || tag)>`, AES-256-GCM, 96-bit random nonce.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zmdm_plugin.errors import ConfigError, Damaged, SealError

_VERSION = "z1"
_NONCE = 12
KEY_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class SecretBox:
    """Seals with the first key of the ring, opens with any."""

    _engines: dict[str, AESGCM] = field()
    _current: str = field()

    @classmethod
    def from_keys(cls, keys: tuple[bytes, ...]) -> SecretBox:
        """Build the ring; keys are 32 random bytes each, the newest first."""
        if not keys:
            raise ConfigError("ZMDM_SEALING_KEYS: at least one key is needed")
        engines = {key_id(key): AESGCM(key) for key in keys}
        return cls(engines, key_id(keys[0]))

    @property
    def key_ids(self) -> frozenset[str]:
        """Names of all keys of the ring."""
        return frozenset(self._engines)

    @property
    def current_id(self) -> str:
        """Name of the key that seals."""
        return self._current

    def seal(self, plaintext: bytes, *, label: str, uid: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        box = self._engines[self._current].encrypt(nonce, plaintext, _aad(label, uid))
        return f"{_VERSION}.{self._current}.{base64.urlsafe_b64encode(nonce + box).decode()}"

    def open(self, sealed: str, *, label: str, uid: str) -> bytes:
        """Raise SealError when the key is missing or the value belongs elsewhere."""
        version, _, rest = sealed.partition(".")
        ident, _, body = rest.partition(".")
        engine = self._engines.get(ident)
        if version != _VERSION or engine is None:
            raise SealError(f"{label}: no sealing key {ident!r} in ZMDM_SEALING_KEYS opens it")
        try:
            raw = base64.urlsafe_b64decode(body)
            return engine.decrypt(raw[:_NONCE], raw[_NONCE:], _aad(label, uid))
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise Damaged(f"{label}: the sealed value is damaged or was moved") from error

    def is_current(self, sealed: str) -> bool:
        """Tell whether rotation may pass this value over."""
        return sealed.split(".", 2)[1:2] == [self._current]


def key_id(key: bytes) -> str:
    """Name a key without telling anything about it."""
    return hashlib.sha256(b"zmdm sealing key id" + key).hexdigest()[:8]


def generate_key() -> str:
    """A new sealing key in the form that ZMDM_SEALING_KEYS takes (base64url, 32 bytes)."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def parse_key(text: str) -> bytes:
    """Read one key of ZMDM_SEALING_KEYS; ValueError says what is wrong, never the key."""
    try:
        key = base64.urlsafe_b64decode(text.strip())
    except (binascii.Error, ValueError) as error:
        raise ValueError("a sealing key is base64url") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"a sealing key is {KEY_BYTES} bytes, this one has {len(key)}")
    return key


def _aad(label: str, uid: str) -> bytes:
    return f"{label}\x00{uid}".encode()
