"""Without a seed asked for, one after the other is tried until the clock is reached."""

from pathlib import Path

import pytest

from takt_hw.config import ECP5
from takt_hw.synth import flow
from takt_hw.synth.flow import Point, build_until_reached
from takt_hw.synth.tools import Stuck, ToolError

POINT = Point(config=ECP5, mhz=75)


@pytest.fixture
def tried(monkeypatch):
    """Takes what comes of each seed, MHz or an error; returns the seeds that were built."""
    seeds: list[int] = []

    def outcomes(*outcomes):
        def build(point, root, report):
            seeds.append(point.seed)
            report("placing")
            outcome = outcomes[len(seeds) - 1]
            if isinstance(outcome, Exception):
                raise outcome
            return {"seed": point.seed, "fmax_mhz": outcome}

        monkeypatch.setattr(flow, "build", build)
        return seeds

    return outcomes


@pytest.mark.parametrize(
    ("outcomes", "best"),
    [
        ((75.0,), 1),
        ((74.9, 80.0), 2),
        ((Stuck("no"), 70.0, 76.0), 3),
        ((74.0, 73.0, 70.0), 1),
        ((Stuck("no"), Stuck("no"), 60.0), 3),
    ],
)
def test_seeds_are_tried_until_the_clock_is_reached(tried, outcomes, best):
    seeds = tried(*outcomes)
    said: list[str] = []
    assert build_until_reached(POINT, Path("nowhere"), said.append)["seed"] == best
    assert seeds == list(range(1, len(outcomes) + 1))
    assert said == [f"seed {seed}, placing" for seed in seeds]


def test_the_last_of_those_that_are_all_stuck_says_why(tried):
    tried(Stuck("first"), Stuck("second"), Stuck("third"))
    with pytest.raises(Stuck, match=r"^third$"):
        build_until_reached(POINT, Path("nowhere"))


def test_what_no_seed_can_help_is_not_tried_again(tried):
    seeds = tried(ToolError("yosys must be installed"))
    with pytest.raises(ToolError, match="^yosys must be installed$"):
        build_until_reached(POINT, Path("nowhere"))
    assert seeds == [1]
