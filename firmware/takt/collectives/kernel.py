"""What collectives are made of: sending along trees, and adding what has arrived, one element vector per period."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from takt_hw import isa
from takt_hw.isa import DType, Op

from ..system import SystemBuilder
from .chains import Chain, Parts
from .pipeline import NoRoom, Pipeline
from .vectors import Vectors
from .ways import Tree

LONGEST = 8
"""Times the least period that a kernel's period may be, before it is refused."""


class Kernel:
    """One pipeline of a system: what is done to the first element vector is said here, the next follow.

    Parameters
    ----------
    system : SystemBuilder
        Where it ends up.
    period : int
        Cycles from one element vector to the next.
    packed : bool
        As in `Pipeline`.
    """

    def __init__(self, system: SystemBuilder, period: int, packed: bool = False):
        self.system, self.parts = system, Parts(system.config)
        self.pipeline = Pipeline(system, period, packed)
        self.streams = range(system.config.streams)

    def spread(self, tree: Tree, source: Vectors, into: Callable[[int], Vectors | None]) -> dict[int, int]:
        """Send vectors along a tree; ``into``: where a chip on the way writes them. When each has written its first."""
        if not source.count or not tree.hops:
            return {}
        links = tree.onward(tree.root)
        place = self.pipeline.place
        sent = place(tree.root, lambda s: self.parts.send(source, links, s), self.streams, source.count, kind="send")
        out = {(tree.root, link): sent.first(self.parts.link("send", link)) for link in links}
        written: dict[int, int] = {}
        for hop in tree.hops:
            chip, link = hop.target.chip, hop.target.link
            onward, to = tree.onward(chip), into(chip)
            earliest = out[hop.source.chip, hop.source.link] + hop.latency
            arrived = place(
                chip,
                lambda s: self.parts.receive(link, to, source.planes, onward, s),  # noqa: B023 - called at once
                self.streams,
                source.count,
                earliest,
                "receive",
            )
            out |= {(chip, other): arrived.first(self.parts.link("send", other)) for other in onward}
            written[chip] = arrived.last
        return written

    def add(self, chip: int, terms: Sequence[tuple[Vectors, int]], into: Vectors, dtype: DType, alu: int) -> None:
        """Add vectors of a chip, from the first term to the last, in an ALU that nothing else uses.

        A term is there after the cycle that stands beside it.
        """
        if not into.count:
            return
        queue = f"VXM.alu{alu}"
        groups = range(0, self.system.config.streams, dtype.streams)
        later = (isa.ADD if dtype is DType.I32 else isa.FADD).chain
        assert later is not None
        # one after the other without a wait, as far as can be seen: the ALU must not hold a sum for a whole period
        least = max(written + 1 - number * later(self.system.config) for number, (_, written) in enumerate(terms))
        begun = ready = 0
        for number, (term, written) in enumerate(terms):
            op = isa.COPY if number == 0 else isa.ADD if dtype is DType.I32 else isa.FADD
            to = into if number == len(terms) - 1 else None
            make = partial(self._term, term, to, op, dtype, alu)
            choices = [(a, b) for a in groups for b in (groups if to else groups[:1])]
            reaches = next(item.cycle for item in make(choices[0]) if item.queue == queue)
            earliest = max(written + 1, ready - reaches, least)
            taken = self.pipeline.place(chip, make, choices, into.count, earliest).first(queue)
            assert op.chain is not None
            ready = taken + op.chain(self.system.config)
            begun = ready if number == 0 else begun
            if ready - begun >= self.pipeline.period:  # the ALU would hold the next vector's first term before
                raise NoRoom(f"period must be longer than {ready - begun} cycles for the sums of chip {chip}")

    def _term(
        self, term: Vectors, into: Vectors | None, op: Op, dtype: DType, alu: int, streams: tuple[int, int]
    ) -> Chain:
        return self.parts.term(term, into, op, dtype, alu, streams)


def run(system: SystemBuilder, cycle: int, planes: int, fill: Callable[[Kernel], None]) -> int:
    """A kernel in the least period that has room for it, from a cycle on. The cycle after its last dispatch.

    The least period is that in which a link carries all planes of an element vector.
    """
    kernel = fitting(system, planes, fill)
    return kernel.pipeline.emit(cycle)


def fitting(system: SystemBuilder, planes: int, fill: Callable[[Kernel], None]) -> Kernel:
    """The kernel, not emitted yet. NoRoom if no period up to LONGEST times the least has room.

    Of the shortest period with chains packed and with each at its earliest, whichever is over sooner.
    """
    early = _shortest(system, planes, fill, False)
    if early is not None and early.pipeline.period == planes * system.config.packet_cycles:
        return early
    found = [kernel for kernel in (early, _shortest(system, planes, fill, True)) if kernel is not None]
    if not found:
        longest = LONGEST * planes * system.config.packet_cycles
        raise NoRoom(f"kernel must fit a period of {longest} cycles, not need a longer one")
    return min(found, key=lambda kernel: kernel.pipeline.length)


def _shortest(system: SystemBuilder, planes: int, fill: Callable[[Kernel], None], packed: bool) -> Kernel | None:
    least = planes * system.config.packet_cycles
    for period in range(least, LONGEST * least + 1):
        kernel = Kernel(system, period, packed)
        try:
            fill(kernel)
        except NoRoom:
            continue
        return kernel
    return None


def require(system: SystemBuilder, vectors: Vectors, dtype: DType | None = None) -> None:
    """ValueError if vectors lie outside the build's memory, or have not the bytes of a type that can be added."""
    known = {s.name for s in system.config.mem_slices}
    for name in vectors.slices:
        if name not in known:
            raise ValueError(f"slice must be a memory slice of {system.config.name}, not {name!r}")
    end = vectors.address + vectors.count
    if not 0 <= vectors.address <= end <= system.config.mem_words:
        raise ValueError(f"vectors must lie below {system.config.mem_words:#x}, not end at {end:#x}")
    if dtype is None:
        return
    if dtype not in (DType.I32, DType.F32):
        raise ValueError(f"dtype must be i32 or f32, not {dtype.text}")
    if vectors.planes != dtype.streams:
        raise ValueError(f"vectors must have {dtype.streams} slices, not {vectors.planes}")
    if dtype is DType.F32 and system.config.vxm_float_alus < 1:
        raise ValueError(f"{system.config.name} must have a float ALU to add {dtype.text}")
