"""Apple's public keys that a device's own signature chains to, as data.

*Apple iPhone Device CA* expired in 2014 and goes on signing, so its key is trusted, not its dates.
The keys are base64 of the SubjectPublicKeyInfo.
"""

from __future__ import annotations

import base64
from typing import Final

from zmdm_plugin.protocol.chain import Anchor, ChainPolicy

APPLE_IPHONE_DEVICE_CA: Final = Anchor(
    label="Apple iPhone Device CA",
    spki=base64.b64decode(
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDxlErJ6rpaGGCty6JNTU5UGWkXWQdmy5fo"
        "ZppHX0auZ3q1SnNUscsE9r02uAxVOIqEgzFSZfkz4Zd3nCtMJrAlP+kyqnsIdJTswUs4HWdO"
        "CFKUWotZo1zXk/Sg/lWFu0xGl15usndFL2dcvAsYv1m5bIb3KnV20hlx9CljuSULrwIDAQAB"
    ),
)
APPLE_IPHONE_CERTIFICATION_AUTHORITY: Final = Anchor(
    label="Apple iPhone Certification Authority",
    spki=base64.b64decode(
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAox6+8EfAtJ4QW0akuCG4T4YhcChF"
        "YFwcw8gKZGOI+/xp7vhU/OlbtwZOBC/DazOvREzqS4AJtIf2W7T9ZN2zcuATs/0X2bznqO3C"
        "jGHCKvnszqVe1mnrZAuNCI+4oFBGCdwZ5OWwlG2795mYxOibQU7U8WXjG1J63OgD2W4d2hBV"
        "hqQpWEkM6kfXFTQz9sCgREpwviy1KjA3jC4V69HkbJc4VVaxNStY6kSjJoXuyGZK5M+J8D1j"
        "rSnerbpas9ylo5qnCU6AFjVlpIUNY3s+Y4rafUpG7KM5GDS5xihlGLwTYJx/V6wUyYntobaH"
        "aFK2hE64yIPs+Z4Zq7PBC4bHnwIDAQAB"
    ),
)
APPLE_ROOT_CA: Final = Anchor(
    label="Apple Root CA",
    spki=base64.b64decode(
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5JGpCR+R2x5HUOsF7V55hC3rNqJX"
        "TFXsixmJ3vlLbPUHqyIwAugYPvhQCdN/QaiY+dHKZpwkaxHQo7vkGyrDH5WeegykR4tb1BY3"
        "M8vED03OFGnRyRly9V0O1X9fm/IlA7pVj01dDfFkNSMVSxVZHbOU9/acns9QusFYUGePCLQg"
        "98usLCBvcLY/ATCMt0PPD5098ytJKBrI/s61uQ7ZXhzWyz21Oq30Dw4AkguxIRYudNU8Ddti"
        "FqujcZJHU1XBry9Bs/j743DN5qNMRX4fTGtQlkGJxHRiCxCDQYczioGxMFjsWgQyjGizjx3e"
        "ZXP/Z15lvEnYdp8zFGWhd5TJLQIDAQAB"
    ),
)

# Device certificates hang below the first; the others serve chains that a device sends whole.
DEVICE_ANCHORS: Final = (
    APPLE_IPHONE_DEVICE_CA,
    APPLE_IPHONE_CERTIFICATION_AUTHORITY,
    APPLE_ROOT_CA,
)
# Factory certificates have RSA keys of 1024 bits and SHA-1 signatures; they prove a serial number
# once, during enrollment, and are never an identity of ours.
DEVICE_POLICY: Final = ChainPolicy(
    minimum_rsa_bits=1024, allow_sha1=True, ignore_ca_expiry=True, client_usage=False
)
