"""Simulated devices and the real server: each kind of device, and each habit of a client."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.road import Road
from zmdm_simulator import cms
from zmdm_simulator.models_of_devices import MODELS
from zmdm_simulator.proof import Proof, Prover
from zmdm_simulator.scep import ScepOptions

STYLES = [
    cms.REAL_DEVICE,
    cms.DER_STYLE,
    cms.OLD_DEVICE,
    cms.Style(ber=True, attributes=True),
    cms.Style(ber=False),
]
CLIENTS: list[dict[str, Any]] = [
    {"cipher": "aes256", "digest": "sha256"},
    {"method": "GET"},
    {"method": "GET", "get_alphabet": "raw"},
    {"method": "GET", "get_alphabet": "urlsafe"},
    {"csr_version_two": True},
    {"csr_unsorted": True},
    {"ber": True},
]
OLD_CLIENTS = [{"cipher": "des", "digest": "sha1"}, {"cipher": "3des"}, {"digest": "sha1"}]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_enrolls_over_the_air_and_answers_what_it_is_asked(
    road: Road, model: str
) -> None:
    device = road.enrolled(model, profile=road.over_the_air())
    device.settle()
    talk = device.connect()
    assert {"DeviceInformation", "SecurityInfo"} <= set(talk.request_types)
    assert {handled.status for handled in talk} == {"Acknowledged"}


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_every_style_of_signature_is_taken(road: Road, style: cms.Style) -> None:
    device = road.enrolled(prover=Prover(Proof.AUTO, style))
    assert device.connect().statuses[-1] == 200


@pytest.mark.parametrize("options", CLIENTS, ids=str)
def test_every_scep_client_gets_its_certificate(road: Road, options: dict[str, Any]) -> None:
    assert road.enrolled(scep=ScepOptions(**options)).identity is not None


@pytest.mark.settings(ZMDM_SCEP_LEGACY_ALGORITHMS=True)
@pytest.mark.parametrize("options", OLD_CLIENTS, ids=str)
def test_an_old_scep_client_gets_its_certificate_where_that_is_allowed(
    road: Road, options: dict[str, Any]
) -> None:
    assert road.enrolled(scep=ScepOptions(**options)).identity is not None


def test_a_clock_that_is_minutes_behind_does_not_matter(road: Road) -> None:
    device = road.enrolled(clock_skew=timedelta(minutes=-8))
    assert device.connect().statuses[-1] == 200
