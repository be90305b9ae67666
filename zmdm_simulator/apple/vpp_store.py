"""What the played store says about its apps, and their icons."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Any

from zmdm_simulator.apple.vpp_books import Books, Stock


def lookup(locations: Iterable[Books], adam_ids: list[str], base_url: str) -> dict[str, Any]:
    """What the store says about these."""
    known = {
        stock.adam_id: stock for books in locations for stock in books.stocks.values() if stock.name
    }
    return {"results": {one: _result(known[one], base_url) for one in adam_ids if one in known}}


def _result(stock: Stock, base_url: str) -> dict[str, Any]:
    slug = stock.name.lower().replace(" ", "-")
    return {
        "id": stock.adam_id,
        "name": stock.name,
        "bundleId": stock.bundle_id or f"com.example.{slug}",
        "artistName": "Example",
        "kind": "iosSoftware",
        "url": f"https://apps.apple.com/de/app/{slug}/id{stock.adam_id}",
        "artwork": {
            "url": stock.icon_url or f"{base_url}/icon/{stock.adam_id}/{{w}}x{{h}}bb.{{f}}",
            "width": 1024,
            "height": 1024,
        },
        "offers": [{"version": {"display": stock.version, "externalId": 1}, "price": 0.0}],
    }


def png(seed: int) -> bytes:
    """A square of one colour, 64 pixels wide."""
    colour = bytes((seed >> shift) & 0xFF | 0x40 for shift in (0, 8, 16))
    rows = (b"\0" + colour * 64) * 64

    def chunk(kind: bytes, data: bytes) -> bytes:
        end = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + end

    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
