"""``python -m takt_sim.tb.board``: simulates a board until interrupted, and says where its serial line is."""

from __future__ import annotations

import argparse
import signal
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from takt_hw.config import BUILDS

from .build import FAST_LINE, build_board
from .session import BoardSession


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Simulate a board; its serial line is a pseudo-terminal.")
    parser.add_argument("--chip", choices=list(BUILDS), default="nano")
    parser.add_argument(
        "--clocks-per-bit", type=Fraction, default=FAST_LINE, metavar="N[/M]", help="100/3 is 3 Mbaud at 100 MHz"
    )
    parser.add_argument("--host-clocks-per-bit", type=Fraction, metavar="N[/M]", help="the same if not given")
    parser.add_argument("--directory", type=Path, default=Path("build/board"), help="where the port and the log go")
    given = parser.parse_args()
    simulator = build_board(
        BUILDS[given.chip], given.clocks_per_bit, host_clocks_per_bit=given.host_clocks_per_bit or None
    )
    with BoardSession(simulator, given.directory) as session, suppress(KeyboardInterrupt):
        print(f"takt run FILE --chip {given.chip} --backend fpga --port {session.port}", flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
