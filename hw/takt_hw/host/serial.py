"""The host port on a serial line: what stands between a chip's ``rx`` and ``tx`` and two pins."""

from fractions import Fraction

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .frame import BEAT_BITS
from .slip import SlipReceiver, SlipTransmitter
from .uart import UartReceiver, UartTransmitter


class SerialLink(wiring.Component):
    """Frames between a serial line and a chip.

    Parameters
    ----------
    clocks_per_bit : Fraction
        Length of a bit in cycles, at least 4.

    Members
    -------
    rx, tx : In(1), Out(1)
        The line from the host and the line to it.
    to_chip, from_chip : Out(stream.Signature(128)), In(stream.Signature(128))
        Beats of the host port's frames.
    abandon : Out(1)
        To the chip's ``rx_abandon``.
    active : Out(1)
        High for one cycle whenever a byte comes or goes.
    """

    rx: In(1, init=1)
    tx: Out(1, init=1)
    to_chip: Out(stream.Signature(BEAT_BITS))
    from_chip: In(stream.Signature(BEAT_BITS))
    abandon: Out(1)
    active: Out(1)

    def __init__(self, clocks_per_bit: Fraction):
        self._clocks_per_bit = clocks_per_bit
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.uart_rx = uart_rx = UartReceiver(self._clocks_per_bit)
        m.submodules.uart_tx = uart_tx = UartTransmitter(self._clocks_per_bit)
        m.submodules.slip_rx = slip_rx = SlipReceiver()
        m.submodules.slip_tx = slip_tx = SlipTransmitter()
        wiring.connect(m, slip_rx.o, wiring.flipped(self.to_chip))
        wiring.connect(m, wiring.flipped(self.from_chip), slip_tx.i)
        wiring.connect(m, slip_tx.o, uart_tx.i)
        m.d.comb += [
            uart_rx.rx.eq(self.rx),
            self.tx.eq(uart_tx.tx),
            slip_rx.data.eq(uart_rx.data),
            slip_rx.valid.eq(uart_rx.valid),
            slip_rx.bad.eq(uart_rx.bad),
            self.abandon.eq(slip_rx.abandon),
        ]
        m.d.sync += self.active.eq(uart_rx.valid | (uart_tx.i.valid & uart_tx.i.ready))
        return m
