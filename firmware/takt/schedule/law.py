"""The timing law, for those who place instructions by hand."""

from __future__ import annotations

from takt_hw import isa
from takt_hw.config import ChipConfig
from takt_hw.isa import Op


def flight(config: ChipConfig, producer: str, produces: Op, consumer: str, consumes: Op) -> int:
    """Cycles from a producer's dispatch to the dispatch of the consumer that takes its value.

    ``d_func(produces) + hops - d_skew(consumes)``: what has to be added to the cycle of one to know the other's.

    Parameters
    ----------
    config : ChipConfig
        The build.
    producer, consumer : str
        Names of their queues. The value is taken to travel from one to the other, so the stream must flow that way.
    produces, consumes : Op
        What they dispatch.

    Raises
    ------
    ValueError
        If ``produces`` leaves no result or ``consumes`` takes no operand.
    KeyError
        If the build has no such queue.
    """
    if produces.d_func is None:
        raise ValueError(f"produces must leave a result, not be {produces.name}")
    queues = isa.queue_by_name(config)
    hops = abs(queues[consumer].position - queues[producer].position)
    return produces.d_func(config) + hops - skew(config, consumes)


def skew(config: ChipConfig, consumes: Op) -> int:
    """Cycles from dispatch until the operands are taken. ValueError if there are none."""
    if consumes.d_skew is None:
        raise ValueError(f"consumes must take an operand, not be {consumes.name}")
    return consumes.d_skew(config)
