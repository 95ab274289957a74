"""The program file: what is written loads as it was, and nothing else loads."""

import hashlib
import struct

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from takt.program import MAGIC, Entry, Program, ProgramError, Run, TensorLayout, from_bytes, load, save, to_bytes
from takt_hw import isa
from takt_hw.config import BUILDS, ECP5, NANO, QUAD
from takt_hw.isa import DType
from tests.firmware.strategies import programs

READ = isa.READ.encode(dst=isa.Stream(0, isa.Direction.EAST), address=1)
HEADER_BYTES = 48


def small() -> Program:
    runs = ((Run("MEM_W0", 0x20),),)
    return Program(
        config=NANO,
        entries=(Entry("main", {"MEM_W0.read": [READ] * 2}, {"MEM_E0": {1: bytes(16)}}), Entry("other")),
        data={"MEM_W0": {1: bytes(range(16)), 2: bytes(16)}},
        tensors=(TensorLayout(name="x", role="input", dtype=DType.I8, shape=(4,), planes=runs),),
    )


GOOD = to_bytes(small())


def sealed(body: bytes, version: int = 1) -> bytes:
    """A file with a right header and checksum around any body."""
    header = struct.pack("<8sII", MAGIC, version, len(body))
    return header + hashlib.sha256(header + body).digest() + body


@pytest.mark.parametrize("config", [NANO, QUAD], ids=lambda config: config.name)
@given(data=st.data())
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_program_survives_as_bytes(config, data):
    program = data.draw(programs(config))
    assert from_bytes(to_bytes(program), config) == program
    assert to_bytes(from_bytes(to_bytes(program))) == to_bytes(program)


def test_the_order_of_construction_leaves_no_trace():
    a = Program(config=NANO, entries=(Entry("m", {"MEM_W0.read": [READ], "MEM_E0.read": [READ]}),))
    b = Program(config=NANO, entries=(Entry("m", {"MEM_E0.read": [READ], "MEM_W0.read": [READ]}),))
    assert to_bytes(a) == to_bytes(b)


def test_save_and_load(tmp_path):
    path = tmp_path / "a.tkp"
    path.write_bytes(b"old")
    save(small(), path)
    assert load(path) == load(path, NANO) == small()
    assert path.read_bytes() == GOOD
    assert [p.name for p in tmp_path.iterdir()] == ["a.tkp"]


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.tkp"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("disk")))
    with pytest.raises(OSError, match="disk"):
        save(small(), path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tkp"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("length", [0, 1, 7, 8, 47, 48, 49, len(GOOD) - 1])
def test_truncated(length):
    with pytest.raises(ProgramError, match=r"^(magic|header|body) must"):
        from_bytes(GOOD[:length])


REFUSED = [
    (b"#!/bin/sh", "magic must be that of a program file"),
    (GOOD + b"\0", rf"body must have the header's {len(GOOD) - 48} bytes, not {len(GOOD) - 47}"),
    (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), "checksum must be that of the content: the file is corrupted"),
    (sealed(GOOD[48:], version=2), "version must be 1, not 2"),
    (sealed(b"\xc1"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b""), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\x01\x02"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xdd\xff\xff\xff\xff"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xdf\xff\xff\xff\xff"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xc6\xff\xff\xff\xff"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xdb\xff\xff\xff\xff"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\x91" * 100_000), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xdc\x04\x00" * 30_000), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xd4\x01\x00"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\xa1\xff"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\x81\x01\x01"), "body must be MessagePack of bounded lengths: .*"),
    (sealed(b"\x01"), "body must be a dict, not a int"),
    (sealed(b"\x80"), "body must have the keys build, digest, entries, data, tensors"),
]


@pytest.mark.parametrize(("content", "rule"), REFUSED, ids=range(len(REFUSED)))
def test_refused_content(content, rule):
    with pytest.raises(ProgramError, match=f"^{rule}$"):
        from_bytes(content)


def test_another_chip(tmp_path):
    rule = r"^digest must be that of ecp5, not that of another chip \('nano'\)$"
    with pytest.raises(ProgramError, match=rule):
        from_bytes(GOOD, ECP5)


def edited(change) -> bytes:
    body = msgpack.unpackb(GOOD[HEADER_BYTES:])
    change(body)
    return sealed(msgpack.packb(body))


def setter(*path_and_value):
    *path, key, value = path_and_value

    def change(body):
        for step in path:
            body = body[step]
        body[key] = value

    return change


EDITS = [
    (("build", "none"), f"build must be one of {', '.join(BUILDS)}, not 'none'"),
    (("build", "ecp5"), r"digest must be that of ecp5, not that of another chip \('ecp5'\)"),
    (("digest", bytes(8)), r"digest must be that of nano, not that of another chip \('nano'\)"),
    (("digest", "text"), "digest must be a bytes, not a str"),
    (("entries", []), "entries: there must be at least one, not none"),
    (("entries", {}), "entries must be a list, not a dict"),
    (("entries", 0, []), r"entries\[0\] must be a dict, not a list"),
    (("entries", 0, "cycles", 5), "entry main: cycles must be 3, not 5"),
    (("entries", 0, "cycles", None), "entry main: cycles must be 3, not None"),
    (("entries", 0, "cycles", "a\nb"), r"entry main: cycles must be 3, not 'a\\nb'"),
    (("entries", 0, "name", "a\nb"), r"entries: name must be an identifier of at most 64 letters, not 'a\\nb'"),
    (("entries", 0, "name", 5), r"entries\[0\].name must be a str, not a int"),
    (("entries", 0, "text", {"a\nb": b""}), r"entries\[0\].text must name queues of the build, not 'a\\nb'"),
    (("entries", 0, "text", "MEM_W0.read", b"1"), r"entries\[0\].text.MEM_W0.read must hold 1 to 256 words .*"),
    (("entries", 0, "text", "MEM_W0.read", b""), r"entries\[0\].text.MEM_W0.read must hold 1 to 256 words .*"),
    (("entries", 0, "text", "MEM_W0.read", bytes(16 * 257)), r"entries\[0\].text.MEM_W0.read must hold .*"),
    (("entries", 0, "text", "MEM_W0.read", bytes(16)), "entry main, MEM_W0.read word 0: read: opcode .*"),
    (("data", {"VXM": {}}), "data must name memory slices of the build, not 'VXM'"),
    (("data", {"MEM_W0": {"addresses": b"", "words": b""}}), "data.MEM_W0 must pair every 4-byte address .*"),
    (("data", {"MEM_W0": {"addresses": b"\1\0\0\0", "words": bytes(15)}}), "data.MEM_W0 must pair every .*"),
    (("data", {"MEM_W0": {"addresses": b"\0\2\0\0", "words": bytes(16)}}), "data MEM_W0: address must be .*"),
    (("data", {"MEM_W0": {"addresses": bytes(8), "words": bytes(32)}}), "body must be encoded in the one .*"),
    (("tensors", 0, "dtype", "f64"), r"tensors\[0\].dtype must be one of i8, i32, u8, f16, f32, not 'f64'"),
    (("tensors", 0, "shape", [True]), r"tensors\[0\].shape must be a int, not a bool"),
    (("tensors", 0, "shape", []), "tensor x: shape must have 1 to 8 sizes of at least 1, not .*"),
    (("tensors", 0, "shape", [2**40, 2**40]), "tensor x: shape must have 1 to 8 sizes .*"),
    (("tensors", 0, "shape", [2**31] * 8), "tensor x: plane 0 must hold the shape's .* vectors, not 1"),
    (("tensors", 0, "planes", [[["MEM_W0", 1]]]), r"tensors\[0\].planes must hold runs of slice, .*"),
    (("tensors", 0, "planes", [[["MEM_W0", 1, 2**63, 1]]]), "tensor x: addresses must be .*"),
    (("tensors", 0, "planes", [[["MEM_W0", 1, 1, 0]]]), "tensor x: count and stride must be at least 1, .*"),
    (("tensors", 0, "planes", [[]]), "tensor x: plane 0 must have 1 to 1024 runs, not 0"),
]


@pytest.mark.parametrize(("path", "rule"), EDITS)
def test_refused_structure(path, rule):
    with pytest.raises(ProgramError, match=f"^{rule}$"):
        from_bytes(edited(setter(*path)))


def test_only_the_canonical_encoding_loads():
    body = msgpack.unpackb(GOOD[HEADER_BYTES:])
    assert sealed(msgpack.packb(body)) == GOOD
    body["data"] = {"MEM_W0": {"addresses": b"\2\0\0\0\1\0\0\0", "words": bytes(32)}}
    with pytest.raises(ProgramError, match="^body must be encoded in the one canonical way$"):
        from_bytes(sealed(msgpack.packb(body)))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: MAGIC + tail) | st.binary().map(sealed))
def test_random_bytes_are_refused(content):
    with pytest.raises(ProgramError, match=r"^[^\n]+$"):
        from_bytes(content)


@given(st.integers(0, len(GOOD) * 8 - 1), st.booleans())
@settings(max_examples=300)
def test_a_flipped_bit_is_refused(bit, resealed):
    content = bytearray(GOOD)
    content[bit // 8] ^= 1 << bit % 8
    if resealed:  # as someone would who meant it
        content = bytearray(sealed(bytes(content[HEADER_BYTES:])))
    try:
        program = from_bytes(bytes(content))
    except ProgramError as error:
        assert "\n" not in str(error)
    else:
        assert resealed
        assert to_bytes(program) == content


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.binary(), inner),
    max_leaves=10,
)
PATHS = [path[:-1] for path, _ in EDITS] + [("tensors",), ("data", "MEM_W0"), ("entries", 0, "expected")]


@given(st.sampled_from(PATHS), PLAIN)
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere_is_taken_or_refused(path, value):
    content = edited(setter(*path, value))
    try:
        assert to_bytes(from_bytes(content)) == content
    except ProgramError as error:
        assert "\n" not in str(error)
