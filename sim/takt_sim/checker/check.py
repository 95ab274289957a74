"""The checker's entry: expand the text, then ask every rule."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice

import numpy as np

from takt_hw.config import ChipConfig

from ..timeline import IllegalProgram, Memory, Text, Timeline, Violation, trace
from . import fetch, links, memory, mxm, streams, vxm

MAX_VIOLATIONS = 1000
"""Violations listed of one program; what lies beyond is left out."""

Defined = Mapping[str, np.ndarray]
"""bool[mem_words] by MEM slice: words that hold something before the program starts."""


def violations(
    config: ChipConfig, text: Text, defined: Defined | None = None, image: Memory | None = None
) -> list[Violation]:
    """All that is wrong with a program for one chip, by cycle; an empty list if it is legal.

    Rules that need dispatch times are only asked of a text that expands without a violation.

    Parameters
    ----------
    config : ChipConfig
        The build that the program would run on.
    text : mapping of str to sequence of int
        Instruction words by queue name.
    defined : mapping of str to ndarray, optional
        bool[mem_words] by MEM slice, True for words that the host or an earlier program left. A slice that
        is not named has no such word. By default all memory counts as defined.
    image : Memory, optional
        What memory holds before the program starts; instruction text is fetched from it. By default nothing is
        known of it, and a program that fetches is refused.
    """
    return judge(config, text, defined, image)[1]


def check(config: ChipConfig, text: Text, defined: Defined | None = None, image: Memory | None = None) -> Timeline:
    """The timeline of a legal program; IllegalProgram, with all `violations`, of any other."""
    timeline, found = judge(config, text, defined, image)
    if found:
        raise IllegalProgram(found)
    return timeline


def judge(
    config: ChipConfig, text: Text, defined: Defined | None, image: Memory | None, *, in_system: bool = False
) -> tuple[Timeline, list[Violation]]:
    """A program's timeline, and its `violations`.

    ``in_system``: the program is one of several, and what they do to each other is proved elsewhere.
    """
    timeline, found = trace(config, text, image)
    if found:
        return timeline, found[:MAX_VIOLATIONS]
    rules = chain(
        () if in_system else links.lone(timeline),
        streams.violations(config, timeline),
        fetch.violations(config, timeline),
        memory.violations(config, timeline.dispatches, defined),
        vxm.violations(config, timeline.dispatches),
        mxm.violations(config, timeline.dispatches),
        links.violations(config, timeline),
    )
    return timeline, sorted(islice(rules, MAX_VIOLATIONS), key=lambda v: v.cycle or 0)
