"""A link's wires on an ECP5's pins: two bits per pin and clock cycle, and the clock beside them."""

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Instance, Module, Signal
from amaranth.lib import io, wiring
from amaranth.lib.wiring import In, Out

from .clocks import SHIFTED

CLOCK_PINS = 1


def data_pins(bits: int) -> int:
    """Pins that carry ``bits`` bits a cycle, each two of them."""
    return (bits + 1) // 2


def pins(bits: int) -> int:
    """Pins of one direction of a link of ``bits`` wires, with its clock."""
    return data_pins(bits) + CLOCK_PINS


class WireTransmitter(wiring.Component):
    """Put a link's wires on pins. Bits change at both edges of the chip's clock; the clock that goes with them is a
    quarter of a period behind, so its edges stand in the middle of the bits.

    Parameters
    ----------
    bits : int
        Wires of the link.
    data_port, clock_port : io.PortLike
        Pins: ``data_pins(bits)``, and one.

    Members
    -------
    wire : In(bits)
        The wires, of domain ``sync``.
    """

    def __init__(self, bits: int, data_port: io.PortLike, clock_port: io.PortLike):
        self._data_port, self._clock_port = data_port, clock_port
        self._pins = data_pins(bits)
        super().__init__({"wire": In(bits)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.data = out = io.DDRBuffer("o", self._data_port)
        m.submodules.clock = clock = io.DDRBuffer("o", self._clock_port, o_domain=SHIFTED)
        early, late = self.wire[: self._pins], self.wire[self._pins :]
        m.d.sync += [out.o[0].eq(early), out.o[1].eq(late)]
        m.d.comb += [clock.o[0].eq(1), clock.o[1].eq(0)]
        return m


class WireReceiver(wiring.Component):
    """Take a link's wires from pins, by the clock that comes with them.

    The data pass DELAYG in its setting for a clock in the middle of the bits: it makes up for the time that the clock
    needs to the registers. Then they pass two registers more on their way, as pins are far from the chip.

    Parameters
    ----------
    bits : int
        Wires of the link.
    data_port, clock_port : io.PortLike
        Pins: ``data_pins(bits)``, and one.
    domain : str
        Name of the clock's domain; made here.

    Members
    -------
    wire : Out(bits)
        The wires, of ``wire_clk``.
    wire_clk : Out(1)
        The clock that came.
    """

    def __init__(self, bits: int, data_port: io.PortLike, clock_port: io.PortLike, domain: str):
        self._data_port, self._clock_port, self._domain = data_port, clock_port, domain
        self._pins = data_pins(bits)
        super().__init__({"wire": Out(bits), "wire_clk": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.domains += ClockDomain(self._domain, reset_less=True, local=True)
        m.submodules.data = data = io.Buffer("i", self._data_port)
        m.submodules.clock = clock = io.Buffer("i", self._clock_port)
        m.d.comb += [ClockSignal(self._domain).eq(clock.i), self.wire_clk.eq(clock.i)]
        early, late = Signal(self._pins), Signal(self._pins)
        for n in range(self._pins):
            delayed = Signal(name=f"delayed{n}")
            m.submodules[f"delay{n}"] = Instance("DELAYG", p_DEL_MODE="SCLK_CENTERED", i_A=data.i[n], o_Z=delayed)
            m.submodules[f"ddr{n}"] = Instance(
                "IDDRX1F",
                i_SCLK=clock.i,
                i_RST=Const(0),
                i_D=delayed,
                o_Q0=early[n],
                o_Q1=late[n],
            )
        halfway = Signal.like(self.wire)
        m.d[self._domain] += [halfway.eq(Cat(early, late)), self.wire.eq(halfway)]
        return m
