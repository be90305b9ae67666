"""The sender against an HTTP/2 server that is written in C and by others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bench.push import measure, running_in
from tests.unit.apns.conftest import pushes
from zmdm_plugin.clients.apns import Action


@pytest.mark.needs("nginx")
def test_nginx_takes_every_push_though_it_says_goaway_all_the_time(tmp_path: Path) -> None:
    with running_in("nginx", str(tmp_path), streams=300) as (client, _):
        assert measure(client, pushes(2000), 1000) == Counter({Action.DELIVERED: 2000})
