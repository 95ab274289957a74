"""320 keyed words: y[n] = x xor key[n], with every key in an instruction of its own.

The ALU's text is longer than its queue. The host loads its beginning; one IFETCH brings the rest from MEM_E3 by
stream, a word per cycle, and the last words take the places of the first, which are over by then.
As assembler text, to run like any other:

    python examples/fetch.py > build/fetch.takt
    takt run build/fetch.takt
    takt run --backend rtl build/fetch.takt
"""

import numpy as np

from takt.asm import Builder
from takt.program import Program, Run
from takt.schedule import flight
from takt_hw.config import NANO
from takt_hw.isa import COPY, IFETCH, READ, WRITE, XOR

WORDS = 320
"""Words of the result. More than a queue of `nano` holds."""

LOADED = 200
"""Instructions among them that the host loads."""

X, Y, TEXT = 0x10, 0x00, 0x40
"""Addresses: the input in MEM_W0, the results in MEM_E0, text in MEM_E3."""

ALU = "VXM.alu1"


def keys() -> np.ndarray:
    """int8[WORDS]: no LOOP and no REPEAT could make them."""
    return np.random.default_rng(2026).integers(-128, 128, WORDS)


def program() -> Program:
    """The program, with an input and the end state that follows from it."""
    b = Builder(NANO)
    x = np.arange(-8, 8)
    b.input("x", [16], "i8", [Run("MEM_W0", X)]).data("MEM_W0", X, x)
    b.output("y", [WORDS, 16], "i8", [Run("MEM_E0", Y, count=WORDS)])
    b.expect("MEM_E0", Y, keys()[:, None] ^ x)

    take = flight(NANO, "MEM_W0.read", READ, "VXM.alu0", COPY)
    start = take + 2  # alu0 holds x
    asked = WORDS - LOADED
    fetch = start - 1
    text = fetch - flight(NANO, "MEM_E3.read", READ, ALU, IFETCH)
    b.at(0, "MEM_W0.read", READ, dst="s1e", address=X)
    b.at(take, "VXM.alu0", COPY, dst=None, a="s1e:i8")
    b.at(fetch, ALU, IFETCH, src="s7w", words=asked)
    for n in range(asked):
        b.at(text + n, "MEM_E3.read", READ, dst="s7w", address=TEXT + n)
    for n, key in enumerate(keys()):
        b.at(start + n, ALU, XOR, dst="s0e:i8", a="alu0", b=f"#{key}")
        b.at(start + n + flight(NANO, ALU, XOR, "MEM_E0.write", WRITE), "MEM_E0.write", WRITE, src="s0e", address=Y + n)
    b.text_in_memory(ALU, start + LOADED, "MEM_E3", TEXT)
    return b.build()


if __name__ == "__main__":
    from takt.asm import disassemble

    print(disassemble(program()), end="")
