"""What events add to a check-in: the same conversations on two servers, one of which writes none.

    python -m bench.events [--databases postgresql] [--sizes 1000] [--times 480] [--rounds 5]

An idle poll writes none. An answer with the next command writes two (command.answered and
command.sent) in one statement. Both servers run all the while and take turns, so that the machine's
other work falls on both; the median of each counts, CPU of server and database together.
"""

from __future__ import annotations

from contextlib import ExitStack
from statistics import median

from bench import report, result_next
from bench.report import Row
from bench.staging import Cost, Stage, arguments, stage

BAR = 1.10
WITHOUT = "gunicorn without events"


def compare(
    written: Stage, silent: Stage, name: str, *, times: int, rounds: int
) -> tuple[list[Cost], list[Cost]]:
    """What each round cost, with events and without; who begins changes from round to round."""
    found: tuple[list[Cost], list[Cost]] = ([], [])
    for turn in range(rounds + 1):
        both = [(written, found[0]), (silent, found[1])]
        for staged, costs in both if turn % 2 else reversed(both):
            cost = result_next.run(staged, name, times)
            if turn:  # the first round only warms up
                costs.append(cost)
    return found


def add(name: str, where: str, found: tuple[list[Cost], list[Cost]]) -> bool:
    """Write down what it came to; whether the bar was met."""
    with_events, without = (median(cost.per_operation for cost in costs) for costs in found)
    more = with_events / without
    what = f"{name}, {where}: {without:.2f} ms without"
    bar = f"at most {BAR - 1:.0%} more"
    met = more <= BAR
    row = Row(benchmark="events", what=what, cpu_ms=with_events, bar=bar, met=met)
    report.add(row, f"{with_events:.2f} ms CPU with events, {more - 1:+.1%}")
    return met


def main() -> int:
    parser = arguments(__doc__ or "", times=480)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    met = True
    for database in options.databases:
        for size in options.sizes:
            with ExitStack() as stack:
                written = stack.enter_context(stage(database, size))
                silent = stack.enter_context(stage(database, size, server=WITHOUT))
                for name in result_next.KINDS:
                    found = compare(
                        written, silent, name, times=options.times, rounds=options.rounds
                    )
                    met = add(name, f"{database}, {size:,} devices", found) and met
    return int(not met)


if __name__ == "__main__":
    raise SystemExit(main())
