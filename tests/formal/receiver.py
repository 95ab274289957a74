"""The host port's receiver: a request is OK only after a frame with good CRCs, and every frame gives one request."""

from __future__ import annotations

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Const, Cover, Module, Mux, Signal
from amaranth.lib import data

from takt_hw.host import receiver
from takt_hw.host.frame import BEAT_BITS, CRC32_BITS, CRC32_START, Header
from takt_hw.host.receiver import UNREADABLE, Receiver, State
from takt_hw.isa import host
from takt_hw.isa.host import Status

from .checksums import elaborated
from .inside import named
from .proof import Mutant, Proof


def frames(m: Module) -> None:
    """Free beats, stalls and `abandon`, against a reader of frames that judges each header as it comes."""
    dut = Receiver()
    inside, sums = elaborated(m, dut, receiver)
    m.submodules.dut = inside
    beat = Signal(BEAT_BITS)
    m.d.comb += [
        beat.eq(AnySeq(BEAT_BITS)),
        dut.i.payload.eq(beat),
        dut.i.valid.eq(AnySeq(1)),
        dut.o.ready.eq(AnySeq(1)),
        dut.abandon.eq(AnySeq(1)),
    ]
    offered = Signal()
    offered_beat = Signal(BEAT_BITS)
    m.d.sync += [offered.eq(dut.i.valid & ~dut.i.ready), offered_beat.eq(beat)]
    m.d.comb += Assume(~offered | (dut.i.valid & (beat == offered_beat)))
    taken = Signal()
    m.d.comb += taken.eq(dut.i.valid & dut.i.ready)

    # The reader. A header is judged when it is taken; the hardware needs a cycle more, in which it takes nothing.
    in_frame, trailer, judging = Signal(), Signal(), Signal()  # a header was good; the trailer is next; just taken
    hunting, given_up = Signal(), Signal()
    header, coming = Signal(Header), data.View(Header, beat)
    left = Signal(range(host.MAX_BEATS + 1))
    total = Signal(CRC32_BITS)
    owed, ripe = Signal(), Signal()  # a request is to come; it can be there
    status = Signal(Status)
    unreadable = Signal()
    good, carries, short = Signal(), Signal(), Signal()
    m.d.comb += [
        good.eq((coming.magic == host.MAGIC) & (coming.status == 0) & (coming.crc == sums.sum16)),
        carries.eq(Cat(coming.command == command for command in host.CARRIES_PAYLOAD).any()),
        short.eq(given_up & ~dut.i.valid & in_frame & ~judging),
    ]
    m.d.sync += [judging.eq(0), ripe.eq(owed)]
    with m.If(dut.o.valid & dut.o.ready):
        m.d.sync += [owed.eq(0), ripe.eq(0)]
    with m.If(dut.abandon):
        m.d.sync += given_up.eq(1)
    with m.Elif(~dut.i.valid & ~judging):
        m.d.sync += given_up.eq(0)
        with m.If(given_up):
            m.d.sync += hunting.eq(0)

    owes = Signal()
    with m.If(taken):
        m.d.sync += total.eq(sums.sum32)
        m.d.comb += Assert(sums.words[0] == beat ^ Mux(in_frame, total, CRC32_START))
        with m.If(~in_frame):
            m.d.comb += Assert(sums.headers[0] == beat)
            m.d.sync += [judging.eq(1), hunting.eq(~good), header.eq(beat), unreadable.eq(~good)]
            with m.If(~good):
                m.d.comb += owes.eq(~hunting)
                m.d.sync += status.eq(Status.BAD_HEADER)
            with m.Elif(carries & (coming.count > host.MAX_BEATS)):
                m.d.comb += owes.eq(1)
                m.d.sync += [status.eq(Status.BAD_COUNT), hunting.eq(1)]
            with m.Else():
                m.d.sync += [
                    in_frame.eq(1),
                    left.eq(Mux(carries, coming.count, 0)),
                    trailer.eq(~carries | (coming.count == 0)),
                ]
        with m.Elif(~trailer):
            m.d.sync += [left.eq(left - 1), trailer.eq(left == 1)]
        with m.Else():
            m.d.comb += owes.eq(1)
            m.d.sync += [
                in_frame.eq(0),
                status.eq(Mux(beat == Cat(~total, Const(0, BEAT_BITS - CRC32_BITS)), Status.OK, Status.BAD_CRC)),
            ]
    with m.If(short):
        m.d.comb += owes.eq(1)
        m.d.sync += [in_frame.eq(0), status.eq(Status.BAD_CRC)]
    with m.If(owes):
        m.d.comb += Assert(~owed | (dut.o.valid & dut.o.ready))  # an answer that is owed is never forgotten
        m.d.sync += [owed.eq(1), ripe.eq((in_frame & taken) | short)]

    payload = Signal()
    m.d.comb += payload.eq(in_frame & ~trailer & ~judging)
    shown = dut.o.payload.header.as_value()
    m.d.comb += [
        # Every frame is answered once: there is a request if and only if one is owed, a cycle later at most.
        Assert(~dut.o.valid | owed),
        Assert(dut.o.valid | ~ripe),
        Assert(dut.store.en == (payload & dut.i.valid)),
        Cover(dut.o.valid & (dut.o.payload.status == Status.OK) & (header.command == host.Command.WRITE_MEM)),
        *(
            Cover(dut.o.valid & (dut.o.payload.status == s))
            for s in (Status.BAD_HEADER, Status.BAD_CRC, Status.BAD_COUNT)
        ),
        Cover(short & ~trailer),
        Cover(dut.o.valid & dut.i.valid & ~dut.i.ready),
    ]
    with m.If(dut.o.valid):
        m.d.comb += [
            Assert(dut.o.payload.status == status),
            Assert(shown == Mux(unreadable, UNREADABLE.as_value(), header.as_value())),
        ]
    with m.If(dut.store.en):
        m.d.comb += [
            Assert(dut.store.addr == (header.count - left)[: len(dut.store.addr)]),
            Assert(dut.store.data == beat),
        ]

    # Invariants, for the induction: where the hardware is and where the reader is.
    state, held = named(inside, "state"), data.View(receiver.Request, named(inside, "request"))
    m.d.comb += [
        Assert((state == State.JUDGE.value) == judging),
        Assert((state == State.PAYLOAD.value) == payload),
        Assert((state == State.TRAILER.value) == (in_frame & trailer & ~judging)),
        Assert(named(inside, "sum32") == total),
        Assert(named(inside, "abandoned") == given_up),
        Assert(named(inside, "waiting") == (owed & ~judging)),
        Assert(ripe == (owed & ~judging)),
        Assert(~(owed & in_frame)),
    ]
    with m.If(judging):
        m.d.comb += Assert(held.header.as_value() == header.as_value())
    with m.Else():
        m.d.comb += Assert(named(inside, "hunting") == hunting)
        with m.If(in_frame):
            m.d.comb += Assert((held.header.as_value() == header.as_value()) & ~unreadable)
    with m.If(payload):
        m.d.comb += [Assert(named(inside, "number") + left == header.count), Assert(left.any())]
        m.d.comb += Assert(header.count <= host.MAX_BEATS)


PROOFS = [
    Proof(
        name="receiver",
        what="A request is OK only after a frame whose header CRC-16 and trailer CRC-32 were good; every frame, and "
        "every run of beats that is none, gives exactly one request, at the latest a cycle after it can be judged; "
        "payload goes to its place in the buffer and nothing else does",
        build=frames,
        depth=9,
        induction=2,
        assumed="an offered beat stays until it is taken",
        note="the CRCs are free functions; crc16 and crc32 prove the real ones",
        mutants=(
            Mutant(
                "a header's CRC is not looked at",
                "host/receiver.py",
                "& (header.crc == sum16)",
                "& (header.crc == header.crc)",
            ),
            Mutant(
                "a trailer's upper bits are not looked at",
                "host/receiver.py",
                "Mux(beat == ~sum32,",
                "Mux(beat[:32] == ~sum32,",
            ),
            Mutant(
                "a payload beat too many is let in",
                "host/receiver.py",
                "header.count > host.MAX_BEATS",
                "header.count > host.MAX_BEATS + 1",
            ),
            Mutant(
                "a bad header is answered again and again", "host/receiver.py", "waiting.eq(~hunting)", "waiting.eq(1)"
            ),
        ),
    )
]
