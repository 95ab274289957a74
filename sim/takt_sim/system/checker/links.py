"""`link`, `link-busy`, `receive` and `link-buffer`: each RECEIVE meets its SEND."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from takt_hw import isa
from takt_hw.config import ChipConfig

from ...timeline import Dispatch, Timeline
from ..topology import Port, Topology
from ..violation import ChipViolation

Ends = dict[Port, list[Dispatch]]
"""SENDs, or RECEIVEs, of each link in their order."""


def violations(config: ChipConfig, topology: Topology, timelines: Sequence[Timeline]) -> Iterator[ChipViolation]:
    """Cable by cable, in each direction."""
    sends, receives = _ends(timelines, isa.SEND), _ends(timelines, isa.RECEIVE)
    for ends in (sends, receives):
        for port in ends.keys() - topology.peers.keys():
            yield from (
                ChipViolation.of(port.chip, d.violation("link", f"link {port.link} must have a cable"))
                for d in ends[port]
            )
    for port, (peer, latency) in topology.peers.items():
        sent, received = sends.get(port, []), receives.get(peer, [])
        yield from _busy(config, port, sent)
        yield from _received(port, peer, latency, sent, received)
        yield from _buffered(config, topology, port, sent, received)


def _ends(timelines: Sequence[Timeline], op: isa.Op) -> Ends:
    found: Ends = {}
    for chip, timeline in enumerate(timelines):
        for d in timeline.dispatches:
            if d.instruction.op is op:
                found.setdefault(Port(chip, d.queue.link), []).append(d)
    return found


def _busy(config: ChipConfig, port: Port, sent: Sequence[Dispatch]) -> Iterator[ChipViolation]:
    for before, d in pairwise(sent):
        if d.cycle - before.cycle < config.packet_cycles:
            message = f"SENDs must be {config.packet_cycles} cycles apart, not {d.cycle - before.cycle}"
            yield ChipViolation.of(port.chip, d.violation("link-busy", message))


def _received(
    port: Port, peer: Port, latency: int, sent: Sequence[Dispatch], received: Sequence[Dispatch]
) -> Iterator[ChipViolation]:
    for n, (send, receive) in enumerate(zip(sent, received, strict=False)):
        earliest = send.cycle + latency
        if receive.cycle < earliest:
            message = f"vector {n} of {port} must be received from cycle {earliest} on, not in {receive.cycle}"
            yield ChipViolation.of(peer.chip, receive.violation("receive", message))
    for n, receive in enumerate(received[len(sent) :], start=len(sent)):
        message = f"vector {n} of {port} must be sent, there are only {len(sent)}"
        yield ChipViolation.of(peer.chip, receive.violation("receive", message))
    for n, send in enumerate(sent[len(received) :], start=len(received)):
        message = f"vector {n} must be received by {peer}, which receives only {len(received)}"
        yield ChipViolation.of(port.chip, send.violation("receive", message))


def _buffered(
    config: ChipConfig, topology: Topology, port: Port, sent: Sequence[Dispatch], received: Sequence[Dispatch]
) -> Iterator[ChipViolation]:
    """A vector can arrive as soon as its packet is over, from a chip that is early at one that is late."""
    slack = 2 * config.link_drift + 2 * topology.depth
    for n, send in enumerate(sent[config.link_buffer :], start=config.link_buffer):
        if n - config.link_buffer >= len(received):
            return
        before = received[n - config.link_buffer]
        earliest = before.cycle + slack - config.packet_words
        if send.cycle < earliest:
            message = f"vector {n} must be sent when vector {n - config.link_buffer} has been received, from cycle "
            message += f"{earliest} on: link_buffer is {config.link_buffer}"
            yield ChipViolation.of(port.chip, send.violation("link-buffer", message))
