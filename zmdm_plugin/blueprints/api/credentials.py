"""/api/mdm/scep_issuers/."""

from __future__ import annotations
