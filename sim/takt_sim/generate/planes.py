"""Pieces of random programs for the MXM: weight blocks, and activations with their accumulation."""

from __future__ import annotations

from takt_hw import isa
from takt_hw.isa import Instruction, Queue

from ..latency import d_func, d_skew
from .compose import STREAMS, Composer


class Plane:
    """The queues of one MXM plane.

    Parameters
    ----------
    composer : Composer
        Plans the pieces.
    name : str
        The plane's slice.
    """

    def __init__(self, composer: Composer, name: str) -> None:
        by_name = isa.queue_by_name(composer.config)
        self.composer = composer
        self.weights: Queue = by_name[f"{name}.weights"]
        self.activations: Queue = by_name[f"{name}.activate"]
        self.accumulators: Queue = by_name[f"{name}.accumulate"]
        self.fed = composer.fed[self.weights.position]

    def load(self, cycle: int, block: int) -> bool:
        """Plan an LW with all that feeds it."""
        composer, size = self.composer, self.composer.config.weight_streams
        bases = [b for b in self.fed if b % size == 0]
        if not bases:
            return False
        first, mark = composer.random.choice(bases), composer.plan.mark()
        taken = cycle + d_skew(isa.LW, composer.config)
        kind = composer.random.choice((None, None, "corner"))
        instruction = Instruction(isa.LW, {"src": STREAMS[first], "block": block})
        streams = range(first, first + size)
        if all(composer.supply(bits, self.weights.position, taken, 2, kind) for bits in streams):
            if composer.plan.issue(self.weights, cycle, instruction, streams):
                return True
        composer.plan.rollback(mark)
        return False

    def install(self, cycle: int) -> bool:
        """Plan an IW."""
        return self.composer.plan.issue(self.activations, cycle, Instruction(isa.IW, {}))

    def multiply(self, cycle: int) -> bool:
        """Plan an ABC, mostly with the ACC that takes its product and whatever carries the sums on."""
        composer = self.composer
        random, plan, mark = composer.random, composer.plan, composer.plan.mark()
        if not self.fed or not plan.is_set(("weights", self.activations.slice, 0), cycle):
            return False
        carried = [b for b in self.fed if plan.holder(b, self.activations.position, cycle + 1)]
        bits = random.choice(carried if carried and random.random() < 0.4 else self.fed)
        taken = cycle + d_skew(isa.ABC, composer.config)
        kind = random.choice((None, None, "corner"))
        if not composer.supply(bits, self.activations.position, taken, 1, kind) or not plan.issue(
            self.activations, cycle, Instruction(isa.ABC, {"src": STREAMS[bits]}), (bits,)
        ):
            plan.rollback(mark)
            return False
        return random.random() < 0.03 or self._accumulate(cycle + plan.product_delay)

    def _accumulate(self, cycle: int) -> bool:
        """Plan an ACC; without it the product is dropped, which is legal."""
        composer = self.composer
        random, plan, mark = composer.random, composer.plan, composer.plan.mark()
        limit = composer.config.accumulators
        address = random.choice((random.randrange(limit), random.randrange(min(4, limit)), limit - 1))
        known = plan.is_set(("sum", self.accumulators.slice, address), cycle)
        mode = "add" if known and random.random() < 0.7 else "first"
        filled = cycle + d_func(isa.ACC, composer.config)
        fills = composer.free_streams(self.accumulators.position, filled, 4)
        if fills is None or random.random() < 0.2:
            fills = ()
        values = {"address": address, "mode": mode, "dst": STREAMS[fills[0]] if fills else None}
        if plan.issue(self.accumulators, cycle, Instruction(isa.ACC, values), (), fills):
            if composer.settle(plan.issued[-1]):
                return True
        plan.rollback(mark)
        return False
