"""What a program refuses to be, and what it says of itself."""

import pytest

from takt.program import Entry, Program, ProgramError, Run, TensorLayout
from takt_hw import isa
from takt_hw.config import NANO
from takt_hw.isa import DType

READ = isa.READ.encode(dst=isa.Stream(0, isa.Direction.EAST), address=1)
FAR = isa.READ.encode(dst=isa.Stream(0, isa.Direction.EAST), address=512)
WORD = bytes(16)


def tensor(name="x", address=0, role="input"):
    return TensorLayout(name=name, role=role, dtype=DType.I8, shape=(16,), planes=((Run("MEM_W0", address),),))


def program(*entries, **rest):
    return Program(config=NANO, entries=entries or (Entry("main"),), **rest)


REFUSED = [
    (lambda: Program(config=NANO, entries=()), "entries: there must be at least one, not none"),
    (lambda: program(Entry("a"), Entry("a")), "entries: names must differ, not be 'a' twice"),
    (lambda: program(Entry("a b")), "entries: name must be an identifier of at most 64 letters, not 'a b'"),
    (lambda: program(Entry("m", {"X": [READ]})), "entry m: queue must be one of the build's, not 'X'"),
    (
        lambda: program(Entry("m", {"MEM_W0.read": [READ, 0]})),
        "entry m, MEM_W0.read word 1: read: opcode must be one of the unit's, not 0x00",
    ),
    (
        lambda: program(Entry("m", {"MEM_W0.read": [READ | 1 << 100]})),
        "entry m, MEM_W0.read word 0: READ: unused bits must be zero, not 0x10000000000000000000000000",
    ),
    (
        lambda: program(Entry("m", {"MEM_W0.read": [FAR]})),
        "entry m, MEM_W0.read word 0: address must be from 0 to 511, not 512",
    ),
    (
        lambda: program(Entry("a", {"MEM_W0.read": [READ] * 200}), Entry("b", {"MEM_W0.read": [READ] * 57})),
        "MEM_W0.read: queue must hold at most 256 words, not 257",
    ),
    (lambda: program(data={"VXM": {}}), "data: slice must be a memory slice of the build, not 'VXM'"),
    (lambda: program(data={"MEM_W0": {512: WORD}}), "data MEM_W0: address must be from 0 to 0x1ff, not 0x200"),
    (lambda: program(data={"MEM_W0": {1: b""}}), "data MEM_W0 0x1: word must hold 16 bytes, not 0"),
    (
        lambda: program(Entry("m", {}, {"MEM_W0": {-1: WORD}})),
        "entry m expected MEM_W0: address must be from 0 to 0x1ff, not -0x1",
    ),
    (lambda: program(tensors=(tensor(), tensor())), "tensors: names must differ, not be 'x' twice"),
    (lambda: program(tensors=(tensor(role="both"),)), "tensor x: role must be input or output, not 'both'"),
    (
        lambda: program(tensors=(tensor(), tensor("y"))),
        "tensor y: inputs must not share words, not MEM_W0 0x0",
    ),
    (lambda: program().entry("b"), r"entry must be one of the program's \(main\), not 'b'"),
    (lambda: program().tensor("b"), r"tensor must be one of the program's \(none\), not 'b'"),
]


@pytest.mark.parametrize(("call", "rule"), REFUSED)
def test_refusals(call, rule):
    with pytest.raises(ProgramError, match=f"^{rule}$"):
        call()


def test_everything_stands_in_the_order_of_the_build():
    text = {"MEM_E0.read": [READ], "MEM_W0.read": [READ], "MEM_W1.read": []}
    made = program(Entry("main", text), data={"MEM_E0": {5: WORD, 2: WORD}, "MEM_W0": {1: WORD}, "MEM_W1": {}})
    assert list(made.entry().text) == ["MEM_W0.read", "MEM_E0.read"]
    assert [(name, list(words)) for name, words in made.data.items()] == [("MEM_W0", [1]), ("MEM_E0", [2, 5])]


def test_entries_lie_one_after_the_other_in_each_queue():
    made = program(
        Entry("a", {"MEM_W0.read": [READ] * 2}), Entry("b", {"MEM_W0.read": [READ] * 3, "MEM_E0.read": [READ]})
    )
    assert made.text == {"MEM_W0.read": (READ,) * 5, "MEM_E0.read": (READ,)}
    assert made.ranges == {"a": {"MEM_W0.read": (0, 2)}, "b": {"MEM_W0.read": (2, 3), "MEM_E0.read": (0, 1)}}
    assert made.cycles == {"a": 3, "b": 4}


def test_a_queue_that_never_ends_has_no_cycle_count():
    assert program(Entry("a", {"MEM_W0.read": [isa.SYNC.encode()]})).cycles == {"a": None}


def test_data_and_inputs_count_as_defined():
    made = program(data={"MEM_W0": {3: WORD}}, tensors=(tensor(address=5), tensor("y", 7, "output")))
    assert made.defined["MEM_W0"].nonzero()[0].tolist() == [3, 5]
    assert not made.defined["MEM_E0"].any()
