"""`link`, `latency` and `start`: the topology fits the build."""

from __future__ import annotations

from collections.abc import Iterator

from takt_hw import isa
from takt_hw.config import ChipConfig

from ..topology import Port, Topology
from ..violation import ChipViolation

NOTICE_CYCLES = 32
"""Cycles beyond a cable's latency within which a NOTIFY_LINKS is seen: it counts when a STATE word has come twice, and
of twelve words one is STATE."""

LEAST_LENGTH = 4
"""What a link measures at least: two cycles until a word is made and two until the other clock is crossed to."""


def latency_needed(config: ChipConfig, topology: Topology, length: int) -> int:
    """What a cable must declare whose link measures ``length`` at most, in cycles; docs/design/links.md says why."""
    return length + isa.link_overhead(config) + 2 * config.link_drift + 2 * topology.depth


def least_latency(config: ChipConfig, topology: Topology) -> int:
    """What every cable of a topology must declare, however short its wires, in cycles."""
    return latency_needed(config, topology, LEAST_LENGTH)


def violations(config: ChipConfig, topology: Topology) -> Iterator[ChipViolation]:
    """Cables end at links that the build has, and their declared latencies can be kept."""
    if not config.links:
        yield ChipViolation("link", "-", "-", None, "-", f"build must have links, not be {config.name}")
        return
    sends = {queue.link: queue for queue in isa.queues(config) if queue.unit is isa.C2C_SEND}

    def broken(rule: str, port: Port, message: str) -> ChipViolation:
        queue = sends[min(port.link, config.links - 1)]
        return ChipViolation(rule, queue.name, queue.slice, None, "-", message, chip=port.chip)

    for port in topology.peers:
        if port.link >= config.links:
            yield broken("link", port, f"link must be from 0 to {config.links - 1} in {config.name}, not {port.link}")
            return
    least = least_latency(config, topology)
    for port, (peer, latency) in topology.peers.items():
        if port < peer and latency < least:
            yield broken("latency", port, f"latency of the cable to {peer} must be at least {least}, not {latency}")
    most = isa.EPOCH_CYCLES - NOTICE_CYCLES - 1
    for port in (port for children in topology.children.values() for port in children):
        peer, latency = topology.peers[port]
        if latency > most:
            message = f"latency of a cable to a child must be at most {most}, not {latency}: an epoch is too short"
            yield broken("start", port, message)
