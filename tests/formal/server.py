"""The host port's server: only a request that is OK acts on the bus, as often as it says, and each is answered once."""

from __future__ import annotations

from functools import partial

from amaranth.asserts import AnySeq
from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Signal, Value
from amaranth.lib import data

from takt_hw.config import ECP5, NANO_C2C, ChipConfig
from takt_hw.host import server, verdict
from takt_hw.host.frame import Header
from takt_hw.host.receiver import Request
from takt_hw.host.server import Server, State
from takt_hw.isa import host
from takt_hw.isa.host import Command, Status

from .checksums import elaborated
from .inside import named
from .proof import Mutant, Proof

STROBES = {
    "mem_write": Command.WRITE_MEM,
    "text_write": Command.WRITE_TEXT,
    "entry_write": Command.ENTRY,
    "start": Command.START,
    "entry_clear": Command.CLEAR,
    "align": Command.ALIGN,
}
"""What changes the chip, and the command that may do it. ``fault_clear`` comes with ``entry_clear``."""


def requests(config: ChipConfig, m: Module) -> None:
    """Free requests, stalls and answers of the bus, against a count of what has been done and sent."""
    dut = Server(config)
    inside, _ = elaborated(m, dut, server)
    m.submodules.dut = inside
    for port in (dut.i.payload, dut.i.valid, dut.o.ready, dut.running, dut.bus.read_data, dut.load.data):
        m.d.comb += Value.cast(port).eq(AnySeq(len(Value.cast(port))))

    offered, offered_request = Signal(), Signal(Request)
    m.d.sync += [offered.eq(dut.i.valid & ~dut.i.ready), offered_request.eq(dut.i.payload)]
    m.d.comb += Assume(~offered | (dut.i.valid & (dut.i.payload.as_value() == offered_request.as_value())))
    running: Value = dut.running  # when the verdict looked
    for cycle in range(verdict.Verdict(config).latency):
        before = Signal(name=f"running{cycle}")
        m.d.sync += before.eq(running)
        running = before

    busy = Signal()  # a request is being served
    request = Signal(Request)
    header = request.header
    taken, sent = Signal(), Signal()
    acted = Signal(range(2 * host.MAX_BEATS))  # strobes since the request was taken
    headed = Signal()  # its answer's header has been sent
    left = Signal(range(host.MAX_BEATS + 1))  # payload beats of the answer that are still to come
    answered_ok = Signal()
    stood = Signal()  # no program ran when the request was taken
    beat = data.View(Header, dut.o.payload)
    m.d.comb += [taken.eq(dut.i.valid & dut.i.ready), sent.eq(dut.o.valid & dut.o.ready)]
    strobes = {name: getattr(dut.bus, name) for name in STROBES}
    any_strobe = Signal()
    m.d.comb += any_strobe.eq(Cat(strobes.values()).any())
    m.d.sync += acted.eq(acted + any_strobe)
    with m.If(taken):
        m.d.comb += Assert(~busy)  # the one before has been answered
        m.d.sync += [busy.eq(1), headed.eq(0), acted.eq(0), request.eq(dut.i.payload), stood.eq(~running)]
    with m.If(dut.o.valid):
        m.d.comb += Assert(busy)
    with m.If(sent):
        with m.If(~headed):
            m.d.sync += [headed.eq(1), left.eq(beat.count), answered_ok.eq(beat.status == Status.OK)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += busy.eq(0)
    with m.If(dut.o.valid & ~headed):
        m.d.comb += [
            Assert(beat.magic == host.MAGIC),
            Assert(beat.command == (header.command + host.RESPONSE)[:8]),
            Assert(beat.tag == header.tag),
            Assert(beat.count <= host.MAX_BEATS),
            Assert((request.status == Status.OK) | (beat.status == request.status)),
            Assert((beat.status == Status.OK) | (beat.count == 0)),
        ]

    wanted = Signal.like(acted)
    with m.Switch(header.command):
        with m.Case(Command.WRITE_MEM, Command.WRITE_TEXT):
            m.d.comb += wanted.eq(header.count)
        with m.Case(Command.ENTRY, Command.START, Command.CLEAR, Command.ALIGN):
            m.d.comb += wanted.eq(1)
    for name, strobe in strobes.items():
        with m.If(strobe):
            m.d.comb += [
                Assert(busy & ~headed & (request.status == Status.OK) & (header.command == STROBES[name])),
                Assert(stood),
            ]
    m.d.comb += [
        Assert(dut.bus.fault_clear == dut.bus.entry_clear),
        Assert(~dut.bus.mem_read | (busy & (request.status == Status.OK) & (header.command == Command.READ_MEM))),
    ]
    with m.If(dut.bus.mem_write | dut.bus.text_write):
        m.d.comb += Assert(dut.bus.address == (header.address + acted)[: len(dut.bus.address)])
    for name in ("target", "superlane"):
        with m.If(any_strobe):
            port = {"target": dut.bus.queue, "superlane": dut.bus.superlane}[name]
            m.d.comb += Assert(port == header[name][: len(port)])
    with m.If(busy & headed):
        # An answer that says OK means that all was done, any other that nothing was.
        m.d.comb += Assert(acted == (answered_ok.replicate(len(wanted)) & wanted))

    # Invariants, for the induction: where the hardware is.
    state = named(inside, "state")
    held = data.View(Request, named(inside, "request"))
    to_do, to_send = named(inside, "to_do"), named(inside, "to_send")
    accepted, writes, reads = Signal(), Signal(), Signal()
    at = {s: Signal(name=f"at_{s.name}") for s in State}
    m.d.comb += [
        *(at[s].eq(state == s.value) for s in State),
        accepted.eq(held.status == Status.OK),
        writes.eq(Cat(header.command == c for c in host.CARRIES_PAYLOAD).any()),
        reads.eq(header.command == Command.READ_MEM),
        Assert(busy == ~at[State.IDLE]),
        Assert(Cat(at.values()).any()),
    ]
    delayed = Signal()  # what was decided in the cycle before is done
    late = set(STROBES) if config.pipelined else {"mem_write", "text_write"}
    m.d.comb += delayed.eq(Cat(strobe for name, strobe in strobes.items() if name in late).any())
    with m.If(busy):
        m.d.comb += [
            Assert(held.header.as_value() == header.as_value()),
            Assert((request.status == Status.OK) | (held.status == request.status)),
            Assert(headed == (at[State.PAYLOAD] | at[State.TRAILER])),
            Assert(~accepted | ~(writes | reads) | ((header.count != 0) & (header.count <= host.MAX_BEATS))),
            Assert(~accepted | stood | Cat(header.command == c for c in verdict.WHILE_RUNNING).any()),
            Assert(~at[State.ACT] | ((acted == 0) & ~delayed)),
            Assert(~at[State.WRITE] | (accepted & writes & (to_do != 0) & (acted + to_do + delayed == header.count))),
            Assert(~delayed | (accepted & (wanted != 0))),
        ]
        with m.If(at[State.SEAL]):
            m.d.comb += Assert(acted + delayed == (accepted.replicate(len(wanted)) & wanted))
        with m.If(at[State.HEADER] | headed):
            m.d.comb += [Assert(~delayed), Assert(acted == (accepted.replicate(len(wanted)) & wanted))]
        with m.If(headed):
            m.d.comb += [Assert(answered_ok == accepted), Assert(left == to_send)]
            m.d.comb += Assert(at[State.PAYLOAD] == (left != 0))
        with m.If(at[State.WRITE] | at[State.SEAL] | at[State.HEADER]):
            m.d.comb += [Assert(to_send <= host.MAX_BEATS), Assert(accepted | (to_send == 0))]
        with m.If(at[State.WRITE]):
            m.d.comb += Assert(named(inside, "address") == (header.address + acted + delayed)[:16])
    with m.Else():
        m.d.comb += Assert(~delayed)
    # Words that were asked for and not yet sent are on their way or in the buffer.
    waiting = inside._named_submodules["words"][0].level
    arriving, ahead = named(inside, "arriving"), named(inside, "ahead")
    m.d.comb += Assert(ahead == waiting + dut.bus.mem_read + sum(arriving[n] for n in range(len(arriving))))
    m.d.comb += Assert(ahead <= server.READ_AHEAD)
    with m.If(busy & reads & accepted & ~at[State.ACT]):
        m.d.comb += Assert(to_send == to_do + ahead)
    with m.Else():
        m.d.comb += Assert(ahead == 0)
        with m.If(~at[State.WRITE]):
            m.d.comb += Assert(to_do == 0)
    m.d.comb += [
        *(Cover(strobe) for strobe in strobes.values()),
        Cover(dut.bus.mem_write & (acted == 2)),
        Cover(taken & headed & answered_ok),
        Cover(taken & headed & ~answered_ok),
    ]


PROOFS = [
    Proof(
        name=f"server{'-pipelined' if config.pipelined else ''}",
        what="Memory, text and entries are written, START, CLEAR and ALIGN done and memory read only for a request "
        "that is OK, asks for it and came while no program ran, as often and where it says; each request has one "
        "answer, whose OK means that all was done, any other status that nothing was",
        build=partial(requests, config),
        depth=10,
        induction=5 if config.pipelined else 2,
        cover=40 if config.pipelined else 10,
        assumed="an offered request stays until it is taken",
        note=f"`{config.name}`; that the response's CRCs are right is left to the unit tests",
        mutants=()
        if config.pipelined
        else (
            Mutant(
                "a request whose CRC was wrong is served",
                "host/server.py",
                "(request.status == Status.OK)),",
                "(request.status != Status.BAD_HEADER)),",
            ),
            Mutant(
                "a write strobe too many",
                "host/server.py",
                "with m.If(to_do == 1):\n                    m.d.sync += state.eq(State.SEAL)",
                "with m.If(to_do == 0):\n                    m.d.sync += state.eq(State.SEAL)",
            ),
            Mutant(
                "START is done whatever the command",
                "host/server.py",
                "self.bus.start.eq(acts & (header.command == Command.START))",
                "self.bus.start.eq(acts)",
            ),
            Mutant(
                "memory may be written while a program runs",
                "host/verdict.py",
                "self.running & ~is_one_of(header.command, WHILE_RUNNING)",
                "self.running & 0",
            ),
        ),
    )
    for config in (NANO_C2C, ECP5)
]
