"""Our own table of all declaration types, read once when first needed."""

from __future__ import annotations

from zmdm_plugin.protocol.declarations import (
    notation,
    table_accounts,
    table_basics,
    table_network,
    table_settings,
    table_vpn,
)

TABLE = notation.read(
    "\n".join(
        module.TEXT
        for module in (table_basics, table_accounts, table_settings, table_network, table_vpn)
    )
)
