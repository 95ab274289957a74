"""Pieces of random programs for the MXM: weight blocks, and activations with their accumulation."""

from __future__ import annotations

from collections.abc import Sequence

from takt_hw import isa
from takt_hw.isa import Instruction, Op, Queue

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

    def load(self, cycle: int, block: int, op: Op = isa.LW) -> bool:
        """Plan an LW, or an LW_HIGH, with all that feeds it."""
        composer, size = self.composer, self.composer.config.weight_streams
        bases = [b for b in self.fed if b % size == 0]
        if not bases:
            return False
        first, mark = composer.random.choice(bases), composer.plan.mark()
        taken = cycle + d_skew(op, composer.config)
        kind = composer.random.choice((None, "high half") if op is isa.LW_HIGH else (None, None, "corner", "low half"))
        instruction = Instruction(op, {"src": STREAMS[first], "block": block})
        streams = range(first, first + size)
        if all(composer.supply(bits, self.weights.position, taken, 2, kind) for bits in streams):
            if composer.plan.issue(self.weights, cycle, instruction, streams):
                return True
        composer.plan.rollback(mark)
        return False

    def install(self, cycle: int, op: Op = isa.IW) -> bool:
        """Plan an IW or IW_FP16."""
        return self.composer.plan.issue(self.activations, cycle, Instruction(op, {}))

    def multiply(self, cycle: int) -> bool:
        """Plan an ABC or ABC_FP16, mostly with the ACC that takes its product and whatever carries the sums on."""
        composer = self.composer
        random, plan, mark = composer.random, composer.plan, composer.plan.mark()
        usable = plan.usable(plan.installed(self.activations, cycle))
        if not self.fed or not usable:
            return False
        op = random.choice(usable)
        size = op.fields[0].group_size(composer.config)
        taken = cycle + d_skew(op, composer.config)
        carried = [b for b in self.fed if plan.holder(b, self.activations.position, taken)]
        first = random.choice(carried if carried and random.random() < 0.4 else self.fed)
        streams = range(first - first % size, first - first % size + size)
        kinds = random.choice(((None, None), ("low half", "high half"))) if size == 2 else random.choice(_INT8_KINDS)
        fed = [
            composer.supply(bits, self.activations.position, taken, 1, kind)
            for bits, kind in zip(streams, kinds, strict=True)
        ]
        instruction = Instruction(op, {"src": STREAMS[streams[0]]})
        if not all(fed) or not plan.issue(self.activations, cycle, instruction, streams):
            plan.rollback(mark)
            return False
        return random.random() < 0.03 or self._accumulate(cycle + plan.product_delay)

    def drain(self, cycle: int) -> bool:
        """Plan a DRAIN and whatever carries the sums on."""
        return self._take_sums(cycle, isa.DRAIN, (None,))

    def _accumulate(self, cycle: int) -> bool:
        """Plan an ACC; without it the product is dropped, which is legal."""
        modes = ("add", "first") if self.composer.random.random() < 0.7 else ("first",)
        return self._take_sums(cycle, isa.ACC, modes)

    def _take_sums(self, cycle: int, op: Op, modes: Sequence[str | None]) -> bool:
        """Plan an ACC in the first possible of the modes, or a DRAIN, and whatever carries the sums on."""
        composer = self.composer
        random, plan, mark = composer.random, composer.plan, composer.plan.mark()
        limit = composer.config.accumulators
        address = random.choice((random.randrange(limit), random.randrange(min(4, limit)), limit - 1))
        filled = cycle + d_func(op, composer.config)
        fills = composer.free_streams(self.accumulators.position, filled, 4)
        if fills is None or random.random() < 0.2:
            fills = ()
        for mode in modes:
            values = {"address": address, "mode": mode, "dst": STREAMS[fills[0]] if fills else None}
            instruction = Instruction(op, {f.name: values[f.name] for f in op.fields})
            if plan.issue(self.accumulators, cycle, instruction, (), fills):
                if composer.settle(plan.issued[-1]):
                    return True
                break
        plan.rollback(mark)
        return False


_INT8_KINDS = ((None,), (None,), ("corner",))
