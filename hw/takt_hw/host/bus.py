"""The chip-internal host bus: how the host port reaches memories, queues and the sequencer."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import ChipConfig
from ..isa.host import BEAT_BYTES


def read_latency(config: ChipConfig) -> int:
    """Cycles from ``mem_read`` to ``read_data``: in cycle t + this the word asked for in cycle t is on the bus."""
    return 4 + config.memory_cycles + config.mending_cycles


class HostBus(wiring.Signature):
    """Host bus, as the host port sees it. Used only while no program runs.

    ``mem_read``, ``mem_write``, ``text_write``, ``entry_write``, ``entry_clear``, ``fault_clear``, ``start`` and
    ``align`` are strobes: each cycle in which one is high is one operation. At most one is high at a time, but for
    ``entry_clear`` and ``fault_clear``, which come together.

    Members
    -------
    mem_read, mem_write : Out(1)
        Read or write word ``address`` of superlane ``superlane`` of MEM slice ``slice``.
    slice : Out(8)
        Index in ``config.mem_slices``.
    superlane : Out(5)
        Superlane of the slice.
    address : Out(16)
        Word of the slice, or of the queue with ``text_write``.
    write_data : Out(128)
        What ``mem_write`` and ``text_write`` store.
    read_data : In(128)
        Answer to ``mem_read``, exactly `read_latency` cycles later.
    text_write : Out(1)
        Write word ``address`` of queue ``queue``.
    queue : Out(16)
        Index in ``isa.queues``.
    entry_write : Out(1)
        Let queue ``queue`` run ``entry_count`` words from ``entry_start`` at every START; 0 leaves it idle.
    entry_start, entry_count : Out(17)
        First word and number of words.
    entry_clear : Out(1)
        Leave every queue idle.
    fault_clear : Out(1)
        Clear the fault flags.
    start : Out(1)
        Begin the program: cycle 0 follows.
    align : Out(1)
        Align the chip's counter with that beyond link ``place`` - 1, or be the root if it is 0.
    link, place : Out(4), Out(5)
        Which link, and which payload beat of its report, is wanted.
    report : In(128)
        That beat, one cycle later.
    """

    def __init__(self) -> None:
        beat_bits = 8 * BEAT_BYTES
        super().__init__(
            {
                "mem_read": Out(1),
                "mem_write": Out(1),
                "slice": Out(8),
                "superlane": Out(5),
                "address": Out(16),
                "write_data": Out(beat_bits),
                "read_data": In(beat_bits),
                "text_write": Out(1),
                "queue": Out(16),
                "entry_write": Out(1),
                "entry_start": Out(17),
                "entry_count": Out(17),
                "entry_clear": Out(1),
                "fault_clear": Out(1),
                "start": Out(1),
                "align": Out(1),
                "link": Out(4),
                "place": Out(5),
                "report": In(beat_bits),
            }
        )
