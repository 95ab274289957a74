"""The system checker's entry: every chip by itself, then all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, islice

from takt_hw.config import ChipConfig

from ...checker import MAX_VIOLATIONS
from ...checker.check import Defined, judge
from ...timeline import IllegalProgram, Memory, Timeline
from ..programs import Programs, of_chip
from ..topology import Topology
from ..violation import ChipViolation
from . import cables, drift, links, start

Definitions = Mapping[int, Defined] | Sequence[Defined]
Images = Mapping[int, Memory] | Sequence[Memory]


def violations(
    config: ChipConfig,
    topology: Topology,
    programs: Programs,
    defined: Definitions | None = None,
    images: Images | None = None,
) -> list[ChipViolation]:
    """All that is wrong with the programs of a system, by cycle; an empty list if they are legal.

    What chips do to each other is only asked if topology and build fit, and every chip's text expands and is legal
    by itself.

    Parameters
    ----------
    config : ChipConfig
        The build of all chips.
    topology : Topology
        Chips and cables.
    programs : Programs
        Words by queue name of each chip. Every chip must have a program: its start-up sequence at least.
    defined : by chip, mapping of str to ndarray, optional
        As for `takt_sim.checker.violations`. By default all memory counts as defined.
    images : by chip, Memory, optional
        What memory holds before the programs start. By default nothing is known of it.

    Raises
    ------
    ValueError
        If there is a program for a chip that the topology does not have.
    """
    return _judge(config, topology, programs, defined, images)[1]


def check(
    config: ChipConfig,
    topology: Topology,
    programs: Programs,
    defined: Definitions | None = None,
    images: Images | None = None,
) -> list[Timeline]:
    """The timelines of legal programs, by chip; IllegalProgram, with all `violations`, of any others."""
    timelines, found = _judge(config, topology, programs, defined, images)
    if found:
        raise IllegalProgram(found)
    return timelines


def _judge(
    config: ChipConfig,
    topology: Topology,
    programs: Programs,
    defined: Definitions | None,
    images: Images | None,
) -> tuple[list[Timeline], list[ChipViolation]]:
    last = max(programs, default=0) if isinstance(programs, Mapping) else len(programs) - 1
    if last >= topology.chips:
        raise ValueError(f"programs must be for chips from 0 to {topology.chips - 1}, not for chip {last}")
    if found := list(cables.violations(config, topology)):
        return [], found[:MAX_VIOLATIONS]
    timelines = []
    for chip in range(topology.chips):
        known = None if defined is None else of_chip(defined, chip, {})
        image = None if images is None else of_chip(images, chip, {})
        timeline, own = judge(config, of_chip(programs, chip, {}), known, image, in_system=True)
        timelines.append(timeline)
        found += [ChipViolation.of(chip, violation) for violation in own]
    if not found:
        rules = chain(
            start.violations(config, topology, timelines),
            links.violations(config, topology, timelines),
            drift.violations(config, topology, timelines),
        )
        found = list(islice(rules, MAX_VIOLATIONS))
    return timelines, sorted(found[:MAX_VIOLATIONS], key=lambda v: v.cycle or 0)
