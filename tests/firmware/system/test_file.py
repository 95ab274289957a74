"""The system file: what is written loads as it was, and nothing else loads."""

import hashlib
import struct
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from takt.program import Entry, Program, ProgramError
from takt.system import System, SystemBuilder, load_system, save_system, system_from_bytes, system_to_bytes
from takt.system.file import MAGIC
from takt_hw import isa
from takt_hw.config import NANO_C2C
from takt_sim.system.topology import Cable, Port, Topology, full


def small() -> System:
    builder = SystemBuilder(NANO_C2C, full(3, latency=70, ppm=50))
    builder.at(2, builder.start, "MEM_W0.read", isa.READ, dst="s0w", address=3)
    builder.chips[2].data("MEM_W0", 3, [7] * 16)
    return builder.build()


SMALL = small()
GOOD = system_to_bytes(SMALL)


def sealed(**changes) -> bytes:
    """A file with a right header and checksum around a changed body."""
    body = msgpack.packb(msgpack.unpackb(GOOD[48:]) | changes)
    header = struct.pack("<8sII", MAGIC, 1, len(body))
    return header + hashlib.sha256(header + body).digest() + body


def refused(content, match, config=None):
    with pytest.raises(ProgramError, match=match):
        system_from_bytes(content, config)


def test_save_and_load(tmp_path):
    path = tmp_path / "small.tks"
    save_system(SMALL, path)
    assert path.read_bytes() == GOOD
    assert load_system(path) == load_system(path, NANO_C2C) == SMALL


@settings(max_examples=300)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_flipped_byte_is_refused(place, flip):
    refused(GOOD[:place] + bytes([GOOD[place] ^ flip]) + GOOD[place + 1 :], "^[a-z]+ must ")


@given(st.integers(0, len(GOOD) - 1))
def test_a_truncated_file_is_refused(length):
    refused(GOOD[:length], "^(magic|header|body) must ")
    refused(GOOD + b"x", "^body must have the header's")


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_body_is_refused_in_one_line(body):
    header = struct.pack("<8sII", MAGIC, 1, len(body))
    with pytest.raises(ProgramError) as caught:
        system_from_bytes(header + hashlib.sha256(header + body).digest() + body)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused():
    programs, cables = msgpack.unpackb(GOOD[48:])["programs"], msgpack.unpackb(GOOD[48:])["cables"]
    assert system_from_bytes(sealed()) == SMALL
    refused(sealed(more=1), "^body must have the keys name, ppm, cables, programs$")
    refused(sealed(name=1), "^name must be a str, not a int$")
    refused(sealed(ppm="1"), "^ppm must be a int, not a str$")
    refused(sealed(ppm=5000), "^topology: ppm must be from 0 to 250, not 5000$")
    refused(sealed(programs=[]), "^programs must be 1 to 4096, not 0$")
    refused(sealed(programs=programs[:2]), "^topology: .* port must be on one of 2 chips, not chip 2, link 0$")
    refused(sealed(programs=[*programs[:2], b"x"]), "^chip 2: magic must be that of a program file$")
    refused(sealed(programs=[*programs[:2], 5]), "^chip 2: magic must be that of a program file$")
    refused(sealed(cables=[*cables[:2], [0, 1]]), "^cables must hold chip and link of both ends, and the latency$")
    refused(sealed(cables=cables[:1]), "^topology: .* every chip must be joined to chip 0, not chip 2 to none$")
    refused(
        sealed(cables=[[0, 7, 1, 0, 64], *cables[1:]]), "link must be one of the 7 of nano_c2c, not chip 0, link 7$"
    )
    other = replace(NANO_C2C, name="other", mem_words=1024)
    refused(GOOD, "^chip 0: digest must be that of other, not that of another chip", other)


def test_a_system_needs_a_program_of_one_build_for_each_chip():
    program = SMALL.programs[0]
    with pytest.raises(ProgramError, match="^programs must be 3, one for each chip, not 1$"):
        System(SMALL.topology, (program,))
    other = Program(config=replace(NANO_C2C, name="other", mem_words=1024), entries=(Entry("main"),))
    rule = "^chip 1: build must be nano_c2c as on chip 0, not other of another size$"
    with pytest.raises(ProgramError, match=rule):
        System(SMALL.topology, (program, other, program))
    nameless = Program(config=NANO_C2C, entries=(Entry("go"),))
    with pytest.raises(ProgramError, match=r"^chip 1: entry must be one of the program's \(go\), not 'main'$"):
        System(SMALL.topology, (program, nameless, program))
    pair = Topology("pair", 2, (Cable(Port(0, 9), Port(1, 0)),))
    with pytest.raises(ProgramError, match="^pair: link must be one of the 7 of nano_c2c, not chip 0, link 9$"):
        System(pair, (program, program))
