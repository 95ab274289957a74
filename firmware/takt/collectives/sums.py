"""Collectives that add: reduce-scatter and all-reduce, of int32 and fp32.

Every sum is worked out once, by the chip that owns it, and then copied; or by every chip from the same terms in the
same order. So all chips hold the same bits, fp32 included.
"""

from __future__ import annotations

from collections.abc import Callable

from takt_hw.isa import DType
from takt_sim.system.topology import Topology

from ..system import SystemBuilder
from .kernel import Kernel, fitting, require, run
from .moves import all_gather, star
from .vectors import Vectors
from .ways import Tree, hop, is_full, ring_of

WORTH_A_TRY = 2000
"""Cycles beyond the bandwidth limit up to which an exchange of everything may still be faster than two steps."""


def reduce_scatter(
    system: SystemBuilder, cycle: int, vectors: Vectors, scratch: Vectors, dtype: DType = DType.I32
) -> int:
    """Add up the vectors of all chips; chip c has the sum of chunk c (`Vectors.chunk`) in the place of its own.

    Order of additions, which matters in fp32: fully connected, ``((x0 + x1) + x2) + …`` by the chip's number. In a
    ring, in which chips stand in the order of `ways.ring_of`, the first half of the owner's chunk is added up along the
    ring, from the chip after the owner to the owner; the second half against it, from the chip before the owner to the
    owner.
    The other chunks are undefined afterwards: in a ring they hold sums of some chips.

    Parameters
    ----------
    system : SystemBuilder
        Where the dispatches go. Its topology must be fully connected or have a ring through all chips.
    cycle : int
        First cycle in which something may be dispatched; nothing else may be from then on.
    vectors : Vectors
        Terms and sums: four slices.
    scratch : Vectors
        `scratch_count` vectors, in slices that need not differ from those of ``vectors``.
    dtype : DType
        I32, modulo 2^32, or F32.

    Returns
    -------
    int
        The cycle after the last dispatch, in which all is where it should be.

    Raises
    ------
    ValueError
        If there is no such ring, or places or types do not fit.
    """
    topology = system.topology
    _require(system, vectors, scratch, dtype, scratch_count(topology, vectors.count))
    if is_full(topology):
        return run(system, cycle, vectors.planes, _owners(topology, vectors, scratch, dtype))
    order = _order(topology)
    for step in range(len(order) - 1):
        cycle = run(system, cycle, vectors.planes, _ring_step(topology, order, vectors, scratch, dtype, step))
    return cycle


def all_reduce(system: SystemBuilder, cycle: int, vectors: Vectors, scratch: Vectors, dtype: DType = DType.I32) -> int:
    """Add up the vectors of all chips; every chip has all sums in the place of its own. As in `reduce_scatter`.

    It is a reduce-scatter and an all-gather. Where it is faster, in a fully connected node with few vectors or two
    chips, and ``scratch`` has room for all vectors of the other chips, chips exchange everything and each adds for
    itself, in the same order: by the chip's number.
    """
    topology = system.topology
    _require(system, vectors, scratch, dtype, scratch_count(topology, vectors.count))
    everything = (topology.chips - 1) * vectors.count
    if is_full(topology) and scratch.count >= everything and _may_exchange(system, vectors):
        exchange = fitting(system, vectors.planes, _exchange(topology, vectors, scratch, dtype)).pipeline
        steps = fitting(system, vectors.planes, _owners(topology, vectors, scratch, dtype)).pipeline
        gather = -(-vectors.count // topology.chips) * vectors.planes * system.config.packet_cycles
        if topology.chips == 2 or exchange.length <= steps.length + gather:
            return exchange.emit(cycle)
    cycle = reduce_scatter(system, cycle, vectors, scratch, dtype)
    return all_gather(system, cycle, vectors)


def scratch_count(topology: Topology, count: int) -> int:
    """Vectors of scratch that a reduction of ``count`` needs, at least."""
    largest = -(-count // topology.chips)
    return (topology.chips - 1) * largest if is_full(topology) else 2 * -(-largest // 2)


def bound(system: SystemBuilder, vectors: Vectors) -> int:
    """Cycles that an all-reduce of vectors takes at least, if links are all that takes time.

    Each chip must send, and receive, 2 (N - 1) / N of the link vectors, spread over its cables to N - 1 or, in a ring,
    2 others; a link takes one in ``packet_cycles``.
    """
    chips = system.topology.chips
    links = min(chips - 1, min(len(ports) for ports in system.topology.ports.values()))
    return -(-2 * (chips - 1) * vectors.link_vectors * system.config.packet_cycles // (chips * links))


def _require(system: SystemBuilder, vectors: Vectors, scratch: Vectors, dtype: DType, count: int) -> None:
    require(system, vectors, dtype)
    require(system, scratch, dtype)
    if scratch.count < count:
        raise ValueError(f"scratch must hold {count} vectors, not {scratch.count}")
    shared = set(vectors.slices) & set(scratch.slices)
    if (
        shared
        and vectors.address < scratch.address + scratch.count
        and scratch.address < vectors.address + vectors.count
    ):
        raise ValueError(f"scratch must lie apart from the vectors, not in the same words of {min(shared)}")


def _order(topology: Topology) -> tuple[int, ...]:
    order = ring_of(topology)
    if order is None:
        raise ValueError(f"{topology.name} must be fully connected or have a ring through all chips")
    return order


def _may_exchange(system: SystemBuilder, vectors: Vectors) -> bool:
    """Whether it is worth working out how long an exchange takes."""
    more = vectors.link_vectors * system.config.packet_cycles - bound(system, vectors)
    return system.topology.chips == 2 or more < WORTH_A_TRY


def _owners(topology: Topology, vectors: Vectors, scratch: Vectors, dtype: DType) -> Callable[[Kernel], None]:
    """Everybody sends each owner its chunk; owners add."""
    chips = range(topology.chips)
    room = -(-vectors.count // topology.chips)

    def fill(kernel: Kernel) -> None:
        for owner in chips:
            own = vectors.chunk(owner, topology.chips)
            others = [chip for chip in chips if chip != owner]
            places = {chip: scratch.part(n * room, own.count) for n, chip in enumerate(others)}
            written = {owner: 0}
            for chip in others:
                way = Tree(chip, (hop(topology, chip, owner),))
                written[chip] = kernel.spread(way, own, lambda _: places[chip]).get(owner, 0)  # noqa: B023
            terms = [(places.get(chip, own), written[chip]) for chip in chips]
            kernel.add(owner, terms, own, dtype, 0)

    return fill


def _exchange(topology: Topology, vectors: Vectors, scratch: Vectors, dtype: DType) -> Callable[[Kernel], None]:
    """Everybody sends everything to all; all add."""
    chips = range(topology.chips)

    def slot(at: int, of: int) -> Vectors:
        return vectors if at == of else scratch.part((of - (of > at)) * vectors.count, vectors.count)

    def fill(kernel: Kernel) -> None:
        written = [kernel.spread(star(topology, of), vectors, lambda at: slot(at, of)) for of in chips]  # noqa: B023
        for chip in chips:
            kernel.add(chip, [(slot(chip, of), written[of].get(chip, 0)) for of in chips], vectors, dtype, 0)

    return fill


def _ring_step(
    topology: Topology, order: tuple[int, ...], vectors: Vectors, scratch: Vectors, dtype: DType, step: int
) -> Callable[[Kernel], None]:
    """Every chip sends on, both ways, the sums that it made in the step before, and adds its own to what comes."""
    room = scratch_count(topology, vectors.count) // 2
    alus = (0, 1)

    def fill(kernel: Kernel) -> None:
        for place, chip in enumerate(order):
            for half, towards in enumerate((1, -1)):
                owner = order[(place - towards * (1 + step)) % len(order)]
                part = vectors.chunk(owner, len(order)).chunk(half, 2)
                to = order[(place + towards) % len(order)]
                partial = scratch.part(half * room, part.count)
                written = kernel.spread(Tree(chip, (hop(topology, chip, to),)), part, lambda _: partial)  # noqa: B023
                kernel.add(to, [(partial, written.get(to, 0)), (part, 0)], part, dtype, alus[half])

    return fill
