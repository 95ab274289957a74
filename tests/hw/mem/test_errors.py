"""Errors of all slices become counters and the places of the first."""

import pytest

from takt_hw.mem.errors import ERROR, ERRORS, PLACE, REPORT, ErrorCollector, ErrorLog
from tests.hw.simulation import run


def error(single=0, double=0, counted=1, from_memory=0, address=0):
    return ERROR.const(
        {"single": single, "double": double, "counted": counted, "from_memory": from_memory, "address": address}
    ).as_bits()


def place(slice, address=0, superlane=0, from_memory=0):
    fields = {"slice": slice, "address": address, "superlane": superlane, "from_memory": from_memory, "there": 1}
    return PLACE.const(fields).as_bits()


def errors(corrected=0, uncorrectable=0, first_corrected=0, first_uncorrectable=0):
    names = ("corrected", "uncorrectable", "first_corrected", "first_uncorrectable")
    values = dict(zip(names, (corrected, uncorrectable, first_corrected, first_uncorrectable), strict=True))
    return sum(value << ERRORS[name].offset for name, value in values.items())


def report(**values):
    return sum(value << REPORT[name].offset for name, value in values.items())


@pytest.mark.parametrize("pipelined", [False, True])
def test_a_superlane_counts_and_names_the_first(pipelined):
    steps = [
        {"error1": error(single=1, from_memory=1, address=77), "error2": error(single=1)},
        {"error0": error(double=1), "error2": error(single=1, counted=0)},
        {},
        {},
    ]
    collector = ErrorCollector([9, 4, 5], pipelined=pipelined)
    seen = run(collector, [*steps, {}], lambda d: {"errors": d.errors})
    assert collector.latency == 1 + pipelined
    assert [row["errors"] for row in seen[: collector.latency]] == [0] * collector.latency
    assert [row["errors"] for row in seen[collector.latency :][:3]] == [
        errors(corrected=2, first_corrected=place(4, 77, from_memory=1)),
        errors(uncorrectable=1, first_corrected=place(5), first_uncorrectable=place(9)),
        0,
    ]


def test_the_chip_keeps_the_first_places_until_cleared():
    steps = [
        {"errors1": errors(3, 0, place(4, 77, from_memory=1))},
        {"errors0": errors(1, 0, place(5)), "errors1": errors(2, 2, place(6), place(6))},
        {},
        {"clear": 1},
        {},
    ]
    seen = run(ErrorLog(2), steps, lambda d: {"report": d.report, "now": d.uncorrectable})
    first = place(4, 77, superlane=1, from_memory=1)
    later = report(corrected=6, uncorrectable=2, first_corrected=first, first_uncorrectable=place(6, superlane=1))
    assert [row["report"] for row in seen] == [0, report(corrected=3, first_corrected=first), later, later, 0]
    assert [row["now"] for row in seen] == [0, 1, 0, 0, 0]


def test_the_counters_stop_at_their_largest_value():
    """Twenty superlanes of 65535 errors each pass 2^32 after 3277 cycles."""
    most = errors((1 << 16) - 1, (1 << 16) - 1)
    steps = [{f"errors{k}": most for k in range(20)}] * 3280
    seen = [row["report"] for row in run(ErrorLog(20), steps, lambda d: {"report": d.report})]
    per_cycle, top = 20 * ((1 << 16) - 1), (1 << 32) - 1
    for cycle in (1, 2, 3276, 3277, 3278, 3279):
        wanted = min(cycle * per_cycle, top)
        assert seen[cycle] == report(corrected=wanted, uncorrectable=wanted)
