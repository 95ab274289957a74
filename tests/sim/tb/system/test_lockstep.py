"""Random programs of several chips: RTL with clocks of its own in every chip, against the reference simulator."""

import pytest

from takt_hw.config import NANO_C2C
from takt_sim.system.topology import Cable, Topology, full, ring
from takt_sim.system.traffic import parallel
from takt_sim.tb.lockstep import Disagreement
from takt_sim.tb.system.lockstep import lockstep
from takt_sim.tb.system.run import SystemRtl

TWO, FOUR, EIGHT = parallel(7, latency=64, ppm=200), full(4), full(8)


def around(wiring: Topology) -> Topology:
    """A ring of a fully connected node's cables."""
    ports = [wiring.between(n, (n + 1) % wiring.chips)[0] for n in range(wiring.chips)]
    cables = tuple(Cable(port, wiring.peers[port][0]) for port in ports)
    return Topology(f"ring of {wiring.chips}", wiring.chips, cables, wiring.ppm)


@pytest.mark.parametrize(
    ("topology", "wiring", "seeds"),
    [
        pytest.param(TWO, TWO, range(3), id="2 chips"),
        pytest.param(ring(2), TWO, range(10, 12), id="ring of 2"),
        pytest.param(FOUR, FOUR, range(20, 22), id="full 4"),
        pytest.param(around(FOUR), FOUR, range(30, 32), id="ring of 4"),
        pytest.param(EIGHT, EIGHT, range(40, 41), id="full 8"),
    ],
)
def test_rtl_and_reference_agree_in_every_cycle(topology, wiring, seeds, tmp_path):
    with SystemRtl(NANO_C2C, topology, wiring=wiring, directory=tmp_path, seed=seeds[0]) as chips:
        chips.bring_up()
        assert lockstep(chips, seeds) > 20 * len(seeds)


def test_a_difference_is_named(tmp_path, monkeypatch):
    """The RTL of chip 1 is given other words than the reference."""
    with SystemRtl(NANO_C2C, TWO, directory=tmp_path, seed=1) as chips:
        chips.bring_up()
        load = chips.load

        def load_otherwise(programs, memory):
            other = {
                name: {n: bytes(255 - b for b in w) for n, w in words.items()} for name, words in memory[1].items()
            }
            load(programs, [memory[0], other])

        monkeypatch.setattr(chips, "load", load_otherwise)
        with pytest.raises(Disagreement, match=r"^2 chips, 7 cables, seed 1, chip \d: write must be "):
            lockstep(chips, [1])
