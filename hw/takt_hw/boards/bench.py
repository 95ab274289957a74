"""A board to simulate: the core, and at the other end of its serial line a UART that gives and takes bytes.

``python -m takt_hw.boards.bench nano -o build/board.v`` writes its Verilog. The line's bits are there to be looked at.
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import BUILDS, ChipConfig
from ..host.uart import DATA_BITS, LEAST_CLOCKS_PER_BIT, UartReceiver, UartTransmitter
from ..tiles import TileLibrary
from ..verilog import TOP, convert
from .top import BoardCore


class BoardBench(wiring.Component):
    """A core without links, and the UART of its host.

    Parameters
    ----------
    config : ChipConfig
        The build. Its links, if it has any, hear nothing.
    clocks_per_bit : Fraction
        Length of the core's bits in cycles.
    host_clocks_per_bit : Fraction
        That of the host's bits.
    checks : bool
        As in `Chip`.
    tiles : TileLibrary
        As in `Chip`.

    Members
    -------
    to_board : In(stream.Signature(8))
        Bytes for the core.
    from_board, from_board_valid, from_board_bad : Out(8), Out(1), Out(1)
        A byte from it; ``valid`` is high for one cycle, the others stay until the next. ``bad``: it had no stop bit.
    rx, tx : Out(1)
        The line, as the core names its ends.
    running, fault, heartbeat, active : Out(1)
        As the core's.
    """

    def __init__(
        self,
        config: ChipConfig,
        *,
        clocks_per_bit: Fraction,
        host_clocks_per_bit: Fraction,
        checks: bool = False,
        tiles: TileLibrary | None = None,
    ):
        hz, baud = clocks_per_bit.as_integer_ratio()
        self._core = BoardCore(config, clock_hz=hz, baud=baud, checks=checks, tiles=tiles)
        self._host_clocks_per_bit = host_clocks_per_bit
        super().__init__(
            {
                "to_board": In(stream.Signature(DATA_BITS)),
                "from_board": Out(DATA_BITS),
                "from_board_valid": Out(1),
                "from_board_bad": Out(1),
                **{name: Out(1) for name in ("rx", "tx", "running", "fault", "heartbeat", "active")},
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        m.submodules.core = core = self._core
        m.submodules.sender = sender = UartTransmitter(self._host_clocks_per_bit)
        m.submodules.hearer = hearer = UartReceiver(self._host_clocks_per_bit)
        wiring.connect(m, wiring.flipped(self.to_board), sender.i)
        m.d.comb += [
            core.rx.eq(sender.tx),
            hearer.rx.eq(core.tx),
            self.rx.eq(sender.tx),
            self.tx.eq(core.tx),
            self.from_board.eq(hearer.data),
            self.from_board_valid.eq(hearer.valid),
            self.from_board_bad.eq(hearer.bad),
        ]
        m.d.comb += [
            getattr(self, name).eq(getattr(core, name)) for name in ("running", "fault", "heartbeat", "active")
        ]
        return m


def emit(config: ChipConfig, clocks_per_bit: Fraction, host_clocks_per_bit: Fraction, *, checks: bool = False) -> str:
    """Verilog of a `BoardBench`, as module TOP."""
    tiles = TileLibrary()
    bench = BoardBench(
        config, clocks_per_bit=clocks_per_bit, host_clocks_per_bit=host_clocks_per_bit, checks=checks, tiles=tiles
    )
    return convert(bench, TOP, tiles)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the Verilog of a board to simulate.")
    parser.add_argument("build", choices=sorted(BUILDS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clocks-per-bit", type=Fraction, default=Fraction(LEAST_CLOCKS_PER_BIT), metavar="N[/M]")
    parser.add_argument("--host-clocks-per-bit", type=Fraction, metavar="N[/M]", help="the same if not given")
    parser.add_argument("--checks", action="store_true", help="report collisions and undefined values as fault flags")
    given = parser.parse_args()
    text = emit(
        BUILDS[given.build],
        given.clocks_per_bit,
        given.host_clocks_per_bit or given.clocks_per_bit,
        checks=given.checks,
    )
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(text)


if __name__ == "__main__":
    main()
