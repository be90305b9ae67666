"""One device that asks many times at once, where transactions really run side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask

from tests.ade import lay_ade, settings_for
from zmdm_plugin.models import Enrollment, EnrollmentSession
from zmdm_simulator import setup_assistant
from zmdm_simulator.apple.dep import PlayedDep


def test_a_device_that_asks_many_times_at_once_has_one_session(
    make_app: Callable[..., Flask], pg_url: str, played_dep: PlayedDep
) -> None:
    with lay_ade(make_app(pg_url, **settings_for(played_dep)), played_dep) as ade:
        mac = ade.boxed(enrollment_id=ade.enrollment(quota=1))
        url, message = ade.assigned(mac)["url"], setup_assistant.signed(mac)
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(
                lambda _: setup_assistant.ask(mac, url, message=message).status_code, range(16)
            )
            assert set(answers) == {200}
        with ade.road.rows() as session:
            assert session.query(EnrollmentSession).count() == 1
            assert session.query(Enrollment).filter_by(kind="ade").one().request_count == 1
