from __future__ import annotations

from itertools import count, islice

from zmdm_plugin.protocol.declarations import validate
from zmdm_plugin.protocol.problems import MOST, Problem, bounded, errors, joined, warnings


def test_a_problem_says_where_and_why():
    assert str(Problem("Relays[0].URL", "is missing")) == "Relays[0].URL: is missing"
    assert str(Problem("", "is empty")) == "is empty"


def test_an_error_is_told_however_many_warnings_stand_before_it():
    many = [Problem(str(number), "x", "warning") for number in range(10 * MOST)]
    found = bounded([*many, Problem("last", "y")])
    assert [one.path for one in errors(found)] == ["last"]
    assert len(warnings(found)) == MOST


def test_a_million_errors_are_not_collected():
    endless = (Problem(str(number), "x", level) for number in count() for level in LEVELS)
    assert len(bounded(endless)) == 2 * MOST


def test_a_payload_full_of_faults_is_told_in_part():
    payload = {f"Wrong{number}": number for number in range(100_000)}
    found = validate("com.apple.configuration.passcode.settings", payload)
    assert [one.path for one in found] == list(islice(payload, MOST))


def test_a_path_stays_short_whatever_the_keys():
    assert len(joined(joined("a", "b" * 10**6), "c")) < 120


LEVELS = ("error", "warning")
