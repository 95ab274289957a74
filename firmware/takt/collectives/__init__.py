"""Kernels for several chips: what one has, others get; what all have is added up. Scheduled over all links at once.

``vectors`` says what a tensor is here, ``ways`` which links are used; ``chains`` are instructions that follow from one
another, ``pipeline`` and ``kernel`` put those of all chips into one period, ``emit`` repeats it in loops and realigns
the chips as often as it must be. ``moves`` and ``sums`` are what a user calls.
"""

from .kernel import NoRoom
from .moves import all_gather, broadcast, send_receive
from .sums import all_reduce, bound, reduce_scatter, scratch_count
from .vectors import Vectors

__all__ = [
    "NoRoom",
    "Vectors",
    "all_gather",
    "all_reduce",
    "bound",
    "broadcast",
    "reduce_scatter",
    "scratch_count",
    "send_receive",
]
