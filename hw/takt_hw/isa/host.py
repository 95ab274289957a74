"""The host port's frames as a table. docs/manual/host.md describes the conversation.

A *beat* is 16 bytes, little-endian. A request is one header beat, ``count`` payload beats if the
command carries them, and one trailer beat. Each request is answered by one response of the same
shape. Byte offsets in the header beat:

====== ===== ==============================================================
offset bytes field
====== ===== ==============================================================
0      2     magic, 0x4B54
2      1     command; a response carries the command + 0x80
3      1     tag, echoed by the response
4      2     target: MEM slice (index in ``config.mem_slices``) or queue (index in ``isa.queues``)
6      1     superlane
7      1     status of a response; 0 in a request
8      4     address: first word of a MEM slice or queue
12     2     count: payload beats carried (WRITE_*, responses), wanted (READ_MEM) or queue words (ENTRY)
14     2     CRC-16/XMODEM of bytes 0 to 13
====== ===== ==============================================================

The trailer holds CRC-32 (that of zlib) of the header and payload beats in bytes 0 to 3; the rest is zero.
"""

from enum import IntEnum

MAGIC = 0x4B54
PROTOCOL_VERSION = 1
BEAT_BYTES = 16
MAX_BEATS = 64
"""Payload beats of one frame, at most."""
RESPONSE = 0x80
"""Added to the command in a response."""
BAD_HEADER_COMMAND = 0xFF
"""Command of the response to a bad header beat."""

HEADER_FIELDS = (
    *(("magic", 2), ("command", 1), ("tag", 1), ("target", 2), ("superlane", 1), ("status", 1)),
    *(("address", 4), ("count", 2), ("crc", 2)),
)
"""Fields of a header beat in order, with their bytes."""


class Command(IntEnum):
    """What a request asks for."""

    IDENTIFY = 0x01
    """One payload beat back: protocol version (bytes 0-1), superlanes (2-3), config digest (8-15)."""
    WRITE_MEM = 0x02
    """Write ``count`` beats to one superlane of a MEM slice, from word ``address`` on."""
    READ_MEM = 0x03
    """Read ``count`` beats from one superlane of a MEM slice, from word ``address`` on."""
    WRITE_TEXT = 0x04
    """Write ``count`` instruction words to a queue, from word ``address`` on."""
    ENTRY = 0x05
    """Set a queue to run ``count`` words from word ``address`` on at the next START. 0 leaves it idle."""
    START = 0x06
    """Begin the program: cycle 0 follows. The response does not wait for its end."""
    STATUS = 0x07
    """One payload beat back: bit 0 running, bit 1 done; faults (bytes 2-3); cycle count (8-15)."""
    CLEAR = 0x08
    """Clear the fault flags, the error counters and all ENTRYs."""
    ERRORS = 0x09
    """One payload beat back, ERROR_FIELDS: what the check bits have shown since CLEAR. Zeros in a build without ECC."""

    ALIGN = 0x0A
    """Begin to align the chip's counter with that of the chip at the other end of link ``address`` - 1; 0: with none,
    this chip is the root. Forgets what links have measured and counted, and what NOTIFY_LINKS have come."""
    LINK = 0x0B
    """One payload beat back about link ``target``: LINK_STATE_FIELDS if ``address`` is 0, LINK_COUNT_FIELDS if it is
    1."""


class Status(IntEnum):
    """How a request ended. Everything but OK leaves the chip as it was."""

    OK = 0
    BAD_HEADER = 1
    """Magic or header CRC wrong. Beats are then skipped until a good header; one answer for the run."""
    BAD_CRC = 2
    """Trailer CRC wrong, or a bit beyond it set."""
    BAD_COMMAND = 3
    BAD_TARGET = 4
    """No such slice, queue or superlane; or a non-zero field that the command does not use."""
    BAD_ADDRESS = 5
    """Some word would lie outside the slice or queue."""
    BAD_COUNT = 6
    """count is 0 or above MAX_BEATS where beats are carried or wanted."""
    BUSY = 7
    """A program is running: only IDENTIFY, STATUS, ERRORS and LINK are served."""


CARRIES_PAYLOAD = (Command.WRITE_MEM, Command.WRITE_TEXT)
"""Requests with ``count`` payload beats."""


class Fault(IntEnum):
    """Bits of the fault flags. ADDRESS_RANGE hangs on data; UNCORRECTABLE, LINK_LOST, DRIFT and LINK_CONFLICT hang on
    flipped bits and clocks. Every build looks for them. All others are what a legal program never does, and only
    builds with checks look for them."""

    COLLISION = 0
    """Two producers on one stream at one place and time, or a value replaced before anyone took it."""
    UNDEFINED_STREAM = 1
    """A stream was consumed where no value was."""
    BANK_CONFLICT = 2
    """A read and a write of one slice used the same bank in the same cycle, or two writes did."""
    UNDEFINED_RESULT = 3
    """An ALU's held result was taken before it had one."""
    UNDEFINED_PRODUCT = 4
    """An ACC met no product, an ABC no installed weights, or an `add` no earlier sum."""
    ILLEGAL_INSTRUCTION = 5
    """A queue met an opcode that its unit does not have, REPEAT before any instruction, or a fifth LOOP in four."""
    ADDRESS_RANGE = 6
    """A GATHER or SCATTER met an address beyond its slice: it read 0, or did not write."""
    QUEUE_DRY = 7
    """A queue came to a word of its text that had not arrived. It ended there."""
    FETCH_CONFLICT = 8
    """Two IFETCHes at one position wanted their words at the same time. The first does not get its rest."""
    UNCORRECTABLE = 9
    """In a build with ECC: a word was met of which more than one bit was flipped."""
    LINK_LOST = 10
    """A RECEIVE met no good vector, because too many of its bits were flipped or it has not arrived. It put zeros on
    its stream."""
    DRIFT = 11
    """The program ran more than ``link_drift`` cycles ahead of the aligned counter, or behind. Four more are let pass:
    the counter may be off by them."""
    LINK_CONFLICT = 12
    """A SEND while the link carried the vector before, or a vector that came when ``link_buffer`` were waiting. It is
    not delivered."""


ERROR_FIELDS = (("corrected", 4), ("uncorrectable", 4), ("first_corrected", 4), ("first_uncorrectable", 4))
"""Payload beat of an ERRORS response, in order with their bytes: two counters that stop at their largest value, and
the place of the first error of each kind."""

PLACE_FIELDS = (("address", 16), ("slice", 8), ("superlane", 5), ("unused", 1), ("from_memory", 1), ("there", 1))
"""Bits of a place, from bit 0 up. ``slice`` counts ``config.slices``; ``address`` means something if ``from_memory``,
else the word came by stream. ``there``: there has been such an error."""

LINK_STATE_FIELDS = (
    *(("up", 1), ("aligned", 1), ("late", 2), ("conflicts", 2), ("unused", 2)),
    *(("length", 2), ("shortest", 2), ("longest", 2), ("theirs", 2)),
)
"""Payload beat of a LINK response with address 0, in order with their bytes. ``up``: both ends hear each other.
``aligned``: the chip's counter is aligned with the root's, as far as it knows. ``late``: vectors that arrived after
their RECEIVE. ``length``: what the aligned counter showed when a word that carries the time arrived, less that time:
how long the link looks from here; the least and most of it since both ends' counters were aligned, and how long it
looks from the other end."""

LINK_COUNT_FIELDS = (("vectors", 4), ("corrected", 4), ("uncorrectable", 4), ("lost", 4))
"""Payload beat of a LINK response with address 1: packets that arrived whole, those of them in which a bit was mended,
packets with more flipped bits than that, RECEIVEs that met no good vector. They stop at their largest value."""
