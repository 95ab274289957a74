"""What travels between a simulation and the process that started it: msgpack messages over a local connection.

A message is a list: its kind, then its values. The simulation answers each with one message of its own.
"""

from __future__ import annotations

from enum import StrEnum
from multiprocessing.connection import Connection
from typing import Any

import msgpack


class Kind(StrEnum):
    """Kinds of messages."""

    EXCHANGE = "exchange"
    """To the simulation: request frames, and how many responses they have. Back: the response frames. To one of several
    chips: a list of these, each with the chip's number before it. Back: a list."""
    WAIT = "wait"
    """To the simulation: a limit in cycles. Back: whether the program ended within it, and its memory writes. To one of
    several chips: also the numbers of those that run. Back: the same of each of them."""
    FLIP = "flip"
    """To the simulation: cycle, path, word and bits of each `Flip`, for the next program. Back: nothing."""
    CLOCKS = "clocks"
    """To a simulation of several chips: period and phase in fs, and cycles to wait before the reset, of each. Back:
    nothing. Starts the clocks, which later stay as they are, and resets the chips."""
    PASS = "pass"
    """To a simulation of several chips: cycles that are to pass. Back: nothing."""
    CUT = "cut"
    """To a simulation of several chips: a wire, whether it is cut, and cycles until then. Back at once: nothing."""
    NOISE = "noise"
    """To a simulation of several chips: rate of flipped bits on all wires from now on, and a seed. Back: bits flipped
    since the last time."""
    STOP = "stop"
    """To the simulation: end. Back: nothing in particular."""
    DONE = "done"
    """From the simulation: the result, then the cycles simulated so far."""
    FAILED = "failed"
    """From the simulation: what went wrong, as text. It ends."""


def send(connection: Connection, kind: Kind, *values: Any) -> None:
    """Send a message."""
    connection.send_bytes(msgpack.packb([kind.value, *values]))


def receive(connection: Connection) -> tuple[Kind, list[Any]]:
    """Wait for a message. EOFError if the other side is gone."""
    kind, *values = msgpack.unpackb(connection.recv_bytes())
    return Kind(kind), values
