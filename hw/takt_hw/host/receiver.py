"""The receiving half of the host port: beats in, checked requests out."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.memory import WritePort
from amaranth.lib.wiring import In, Out

from ..isa import host
from ..isa.host import Status
from .frame import (
    BEAT_BITS,
    CRC32_BITS,
    CRC32_START,
    HEADER_CRC_BITS,
    Header,
    Summing,
    crc32_of,
    header_crc,
    is_one_of,
)

BUFFER_ADDRESS_BITS = (host.MAX_BEATS - 1).bit_length()

Request = data.StructLayout({"header": Header, "status": 8})
"""A request whose frame has been checked: ``status`` is OK, BAD_HEADER, BAD_CRC or BAD_COUNT.

If ``status`` is OK the payload buffer holds its beats. Beat n stays until 3 + n cycles after the request is taken:
the next frame needs one cycle for its header and one to judge it.
"""

UNREADABLE = Header.const({"command": host.BAD_HEADER_COMMAND - host.RESPONSE})
"""Stands for a header that is none, so that its response has the command BAD_HEADER_COMMAND."""


class State(enum.Enum):
    """What the receiver does in this cycle."""

    HEADER = 0
    """Take a header beat."""
    JUDGE = 1
    """Look at it. The one cycle of a frame in which no beat is taken: the sums stay off the path from the input."""
    PAYLOAD = 2
    TRAILER = 3


class Receiver(wiring.Component):
    """Take request frames apart and check their CRCs.

    Takes a beat every cycle but one per frame, unless the request before is still waiting to be taken. In a pipelined
    build each beat takes `PIECES` + 2 cycles.

    Parameters
    ----------
    pipelined : bool
        Whether the build is pipelined.

    Members
    -------
    i : In(stream.Signature(128))
        Beats from the host.
    abandon : In(1)
        Pulsed when the host's side has given up on the frame under way. If the beats before it are no whole frame,
        the frame ends as BAD_CRC when they are taken, and a header is next.
    o : Out(stream.Signature(Request))
        One request per frame, and one BAD_HEADER for a run of beats that are no frame.
    store : Out(WritePort.Signature)
        Payload buffer of MAX_BEATS beats.
    """

    i: In(stream.Signature(BEAT_BITS))
    abandon: In(1)
    o: Out(stream.Signature(Request))
    store: Out(WritePort.Signature(addr_width=BUFFER_ADDRESS_BITS, shape=BEAT_BITS).flip())

    def __init__(self, pipelined: bool = False):
        self.pipelined = pipelined
        super().__init__()

    def elaborate(self, platform):
        m = Module()

        beat = self.i.payload
        state = Signal(State)
        hunting = Signal()
        number = Signal(range(host.MAX_BEATS))
        sum16 = Signal(HEADER_CRC_BITS)
        sum32 = Signal(CRC32_BITS)
        request = Signal(Request)
        header = request.header
        waiting = Signal()
        abandoned = Signal()  # to be carried out when no beat is left

        taken = Signal()
        good = Signal()
        carries = Signal()
        m.d.comb += [
            good.eq((header.magic == host.MAGIC) & (header.status == 0) & (header.crc == sum16)),
            carries.eq(is_one_of(header.command, host.CARRIES_PAYLOAD)),
            self.o.payload.eq(request),
            self.o.valid.eq(waiting),
            taken.eq(self.i.valid & self.i.ready),
            self.store.addr.eq(number),
            self.store.data.eq(beat),
            self.store.en.eq((state == State.PAYLOAD) & taken),
        ]
        wanted = (state != State.JUDGE) & ~((state == State.HEADER) & waiting)

        with m.If(self.o.ready):
            m.d.sync += waiting.eq(0)

        if self.pipelined:
            summing = Summing(m, beat, self.i.valid & wanted)
            m.d.comb += [self.i.ready.eq(wanted & summing.done), summing.restart.eq(taken)]
            summing.of_header(sum16)
            with m.If(state != State.TRAILER):
                summing.of_frame(sum32)
            with m.If((state == State.HEADER) & summing.first):
                m.d.sync += [sum16.eq(0), sum32.eq(CRC32_START)]
        else:
            summed = Signal(BEAT_BITS)
            m.d.comb += [
                self.i.ready.eq(wanted),
                summed.eq(beat ^ Mux(state == State.HEADER, CRC32_START, sum32)),
            ]
            with m.If(taken):
                m.d.sync += sum32.eq(crc32_of(summed))
            with m.If(taken & (state == State.HEADER)):
                m.d.sync += sum16.eq(header_crc(beat))

        with m.Switch(state):
            with m.Case(State.HEADER):
                with m.If(taken):
                    m.d.sync += [header.eq(beat), state.eq(State.JUDGE)]
            with m.Case(State.JUDGE):
                m.d.sync += [hunting.eq(~good), number.eq(0), state.eq(State.HEADER)]
                with m.If(~good):
                    m.d.sync += [header.eq(UNREADABLE), request.status.eq(Status.BAD_HEADER), waiting.eq(~hunting)]
                with m.Elif(carries & (header.count > host.MAX_BEATS)):
                    m.d.sync += [request.status.eq(Status.BAD_COUNT), waiting.eq(1), hunting.eq(1)]
                with m.Elif(carries & (header.count != 0)):
                    m.d.sync += state.eq(State.PAYLOAD)
                with m.Else():
                    m.d.sync += state.eq(State.TRAILER)
            with m.Case(State.PAYLOAD):
                with m.If(taken):
                    m.d.sync += number.eq(number + 1)
                    with m.If(number + 1 == header.count):
                        m.d.sync += state.eq(State.TRAILER)
            with m.Case(State.TRAILER):
                with m.If(taken):
                    m.d.sync += [waiting.eq(1), state.eq(State.HEADER)]
                    m.d.sync += request.status.eq(Mux(beat == ~sum32, Status.OK, Status.BAD_CRC))

        # A beat that came in together with ``abandon`` shows here a cycle later, as ``abandoned`` does.
        cut_short = Signal()
        m.d.comb += cut_short.eq(
            abandoned & ~self.i.valid & ((state == State.PAYLOAD) | (state == State.TRAILER)),
        )
        with m.If(cut_short):
            m.d.sync += [request.status.eq(Status.BAD_CRC), waiting.eq(1), state.eq(State.HEADER)]
        with m.If(self.abandon):
            m.d.sync += abandoned.eq(1)
        with m.Elif(~self.i.valid & (state != State.JUDGE)):
            m.d.sync += abandoned.eq(0)
            with m.If(abandoned):
                m.d.sync += hunting.eq(0)  # the next bad frame has an answer of its own

        return m
