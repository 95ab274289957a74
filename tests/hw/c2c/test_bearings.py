"""What is believed of beacons, and for how long."""

import pytest

from takt_hw.c2c.bearings import SILENCE_CYCLES, Bearings
from tests.hw.c2c.words import SIGHT, STATE, TIME
from tests.hw.simulation import run


def beacon(kind, payload, **inputs):
    return {"heard": 1, "beacon": kind | (payload & 0xFFFF) << 3} | inputs


def state(notified=0, *, hears=1, aligned=0):
    return beacon(STATE, notified | hears << 8 | aligned << 9)


def observe(dut):
    names = ("up", "aligned", "measured", "sighted", "length", "theirs")
    return {name: dut.bearing[name] for name in names} | {
        name: getattr(dut, name) for name in ("hears", "shortest", "longest", "notifies")
    }


@pytest.fixture(params=[False, True], ids=["plain", "pipelined"])
def pipelined(request):
    return request.param


@pytest.fixture
def quiet_clocks(pipelined):
    """Clocks by which the end of a silence is seen later, and its beginning."""
    return 2 if pipelined else 0


@pytest.fixture
def bearings(pipelined):
    """What is seen in each step, and what once the last is over.

    A pipelined build is a cycle late with what is heard, so what else it is told comes a cycle later.
    """

    def seen(steps):
        dut = Bearings(pipelined)
        late = dut.latency - 1
        heard, told = [*steps, *[{}] * late], [*[{}] * late, *steps]
        names = ("heard", "beacon", "time")
        merged = [
            {name: value for name, value in h.items() if name in names}
            | {name: value for name, value in t.items() if name not in names}
            for h, t in zip(heard, told, strict=True)
        ]
        return run(dut, merged, observe)[late:]

    return seen


@pytest.fixture
def after(bearings, quiet_clocks):
    return lambda steps: bearings([*steps, *[{}] * (1 + quiet_clocks)])[-1]


HEARD = [beacon(TIME, -50), state(), beacon(TIME, -50), state()]


@pytest.mark.parametrize(
    ("values", "believed"),
    [
        ([100, 100], 100),
        ([100, 102], 102),
        ([100, 98], 98),
        ([100, 100, 103], 100),
        ([100, 100, 97], 100),
        ([100, 100, 5000, 100], 100),
        ([100, 100, 5000, 101, 101], 101),
        ([100, 100, 200, 202], 202),
        ([0xFFFF, 0xFFFF, 1], 1),
        ([0, 0, 0xFFFE], 0xFFFE),
        ([100, 100, 200, 300, 400], 100),
    ],
)
def test_a_time_counts_if_it_agrees_with_the_one_before(values, believed, after):
    assert after([beacon(SIGHT, value) for value in values])["theirs"] == believed
    now = 777
    assert after([beacon(TIME, now - value, time=now) for value in values])["length"] == believed


def test_length_is_of_the_cycle_in_which_the_beacon_crosses(bearings):
    seen = bearings([beacon(TIME, 90 + n, time=100 + n) for n in range(4)] + [{"time": 999}] * 2)
    assert [row["length"] for row in seen] == [0, 0, 10, 10, 10, 10]
    assert [row["measured"] for row in seen] == [0, 0, 1, 1, 1, 0]


def test_types_do_not_mix(after):
    steps = [beacon(TIME, -50), beacon(SIGHT, 70), state(), beacon(TIME, -50), beacon(SIGHT, 70), state()]
    row = after(steps)
    assert (row["length"], row["theirs"], row["up"]) == (50, 70, 1)


def test_up_when_both_hear(after):
    assert after(HEARD[:3])["hears"] == 0
    assert after(HEARD[:2] + HEARD[3:])["hears"] == 0
    row = after(HEARD)
    assert (row["hears"], row["up"], row["aligned"]) == (1, 1, 0)
    deaf = [state(hears=0, aligned=1)] * 2
    row = after([*HEARD, *deaf[:1]])
    assert (row["hears"], row["up"]) == (1, 1)
    row = after([*HEARD, *deaf])
    assert (row["hears"], row["up"], row["aligned"]) == (1, 0, 0)
    assert after([*HEARD, state(aligned=1), state(aligned=1)])["aligned"] == 1


def test_silence_is_noticed(bearings, quiet_clocks, after):
    seen = bearings([*HEARD, *[{}] * (SILENCE_CYCLES + quiet_clocks + 2)])
    # the third beacon ends the silence, and the fourth is all that is missing
    first, end = 4 + max(0, quiet_clocks - 1), 4 + quiet_clocks + SILENCE_CYCLES
    assert [row["up"] for row in seen] == [0] * first + [1] * (end - first) + [0] * 2
    # Words that say something else every time are no sign of life.
    noise = [beacon(SIGHT, 1000 * n) for n in range(60)] * 20
    assert after([*HEARD, *noise[: SILENCE_CYCLES + 1]])["up"] == 0


def test_restart_forgets_what_was_heard(after):
    row = after([*HEARD, {"restart": 1}])
    assert (row["hears"], row["up"]) == (0, 0)
    # The first of each type that agrees with what was heard before will do.
    assert [after([*HEARD, {"restart": 1}, *HEARD[:n]])["up"] for n in (1, 2)] == [0, 1]


def test_notifies_are_counted_from_the_restart_on(after):
    said = [state(250)] * 2
    assert after([*HEARD[:3], *said])["notifies"] == 0
    assert after([*HEARD[:3], *said, state(251)])["notifies"] == 0
    assert after([*HEARD[:3], *said, state(251), state(251)])["notifies"] == 1
    assert after([*HEARD[:3], *said, state(3), state(3)])["notifies"] == 9
    again = [*said, state(251), state(251), {"restart": 1}]
    assert after(again)["notifies"] == 0
    assert after([*again, state(251), state(251)])["notifies"] == 0
    assert after([*again, state(251), state(251), state(252), state(252)])["notifies"] == 1


def test_extremes_since_both_counters_are_aligned(after):
    def sights(lengths, **inputs):
        return [beacon(TIME, -length, **inputs) for length in lengths]

    def extremes(steps):
        row = after([*steps, {}])
        return row["shortest"], row["longest"]

    before = sights([50, 49, 51, 52, 40, 40])
    assert extremes(before) == (40, 40)
    aligned = sights([30, 30, 31, 30, 29, 30], aligned=1)
    told = [state(aligned=1)] * 2
    # One end alone is not enough: the other's counter is about to jump.
    assert extremes([*before, {}, *aligned]) == (30, 30)
    assert extremes([*before, *told, *sights([30, 30, 31, 30, 29, 30])]) == (30, 30)
    both = [*before, *told, {}, *aligned, {"aligned": 1}]
    assert extremes(both) == (29, 31)
    # They stay when the parent is lost for a while, and go with a restart.
    assert extremes([*both, *sights([32, 30])]) == (29, 32)
    assert extremes([*both, {"restart": 1}, *sights([30, 30])]) == (30, 30)
