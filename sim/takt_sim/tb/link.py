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
    """To the simulation: request frames, and how many responses they have. Back: the response frames."""
    WAIT = "wait"
    """To the simulation: a limit in cycles. Back: whether the program ended within it, and its memory writes."""
    FLIP = "flip"
    """To the simulation: cycle, path, word and bits of each `Flip`, for the next program. Back: nothing."""
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
