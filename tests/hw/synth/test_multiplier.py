"""The model of MULT18X18D against Lattice's words for it."""

import itertools
import random

from takt_hw.synth.gates import CELLS

from .bench import run

LIMITS = (0, 1, 2, 0x1FFFE, 0x1FFFF, 0x20000, 0x20001, 0x3FFFE, 0x3FFFF)

EXAMPLES = {
    # signed a, signed b, a, b: product
    (0, 0, 3, 5): 15,
    (0, 0, 0x3FFFF, 0x3FFFF): 0xFFFF80001,  # the largest there is: (2**18 - 1)**2
    (1, 1, 0x3FFFF, 0x3FFFF): 1,  # (-1) * (-1)
    (1, 0, 0x3FFFF, 0x3FFFF): 0xFFFFC0001,  # (-1) * (2**18 - 1), modulo 2**36
    (0, 1, 2, 0x3FFFD): 0xFFFFFFFFA,  # 2 * (-3)
    (1, 1, 0x20000, 0x20000): 0x400000000,  # (-2**17)**2
    (1, 1, 0x20000, 1): 0xFFFFE0000,
}


def product(signed_a, signed_b, a, b):
    """36 bits of the product of two 18-bit numbers, each signed or not."""
    a -= (signed_a and a >> 17) << 18
    b -= (signed_b and b >> 17) << 18
    return a * b % (1 << 36)


def bits(port, vector):
    return ", ".join(f".{port}{n}({vector}[{n}])" for n in range(18))


def instance(name, parameters):
    """A multiplier whose product is a wire of its name."""
    given = ", ".join(f'.{key}("{value}")' for key, value in parameters.items())
    outputs = ", ".join(f".P{n}({name}[{n}])" for n in range(36))
    return f"""
      wire [35:0] {name};
      MULT18X18D #({given}) m_{name} ({bits("A", "v[17:0]")}, {bits("B", "v[35:18]")}, .SIGNEDA(v[36]),
        .SIGNEDB(v[37]), .SOURCEA(v[38]), .SOURCEB(1'b0), {bits("SRIA", "~v[17:0]")}, .CLK0(1'b0), .CLK1(clk),
        .CE0(1'b0), .CE2(v[39]), .RST0(1'b1), .RST3(v[40]), {outputs});"""


def registers(*stages, **more):
    """Parameters of a multiplier with registers at these stages, all on clock 1, enable 2 and reset 3."""
    return more | {
        f"REG_{stage}_{kind}": value
        for stage in stages
        for kind, value in (("CLK", "CLK1"), ("CE", "CE2"), ("RST", "RST3"))
    }


KINDS = {
    "wired": registers(),
    "inputs": registers("INPUTA", "INPUTB"),
    "one_input": registers("INPUTA"),
    "outputs": registers("OUTPUT"),
    "all_three": registers("INPUTA", "INPUTB", "PIPELINE", "OUTPUT"),
    "asynchronous": registers("OUTPUT", RESETMODE="ASYNC"),
}


class Registered:
    """A register with enable and reset."""

    def __init__(self, value=0):
        self.value = value

    def clock(self, d, enable, reset):
        self.value = 0 if reset else d if enable else self.value


def expected(kind, vectors):
    """What a multiplier of a kind shows before each clock edge."""
    a, b, piped, out = (Registered((0, 0)), Registered((0, 0)), Registered(), Registered())
    stages = {key.split("_")[1] for key in KINDS[kind] if key.startswith("REG")}
    shown = []
    for signed_a, signed_b, x, y, source, enable, reset in vectors:
        now_a, now_b = (signed_a, ~x & 0x3FFFF if source else x), (signed_b, y)
        if kind == "asynchronous" and reset:
            out.value = 0
        used_a = (a.value or (0, 0)) if "INPUTA" in stages else now_a
        used_b = (b.value or (0, 0)) if "INPUTB" in stages else now_b
        result = product(used_a[0], used_b[0], used_a[1], used_b[1])
        through = piped.value if "PIPELINE" in stages else result
        shown.append(out.value if "OUTPUT" in stages else through)
        out.clock(through, enable, reset)
        piped.clock(result, enable, reset)
        a.clock(now_a, enable, reset)
        b.clock(now_b, enable, reset)
    return shown


def test_products_and_registers(tmp_path):
    for example, value in EXAMPLES.items():
        assert product(*example) == value
    choose = random.Random(1)
    vectors = [(*example, 0, 1, 0) for example in EXAMPLES]
    vectors += [
        (*signs, a, b, 0, 1, 0) for signs in itertools.product((0, 1), repeat=2) for a in LIMITS for b in LIMITS
    ]
    vectors += [
        (
            *(choose.getrandbits(1) for _ in range(2)),
            *(choose.getrandbits(18) for _ in range(2)),
            *(int(choose.random() < part) for part in (0.2, 0.7, 0.1)),
        )
        for _ in range(400)
    ]
    words = [
        signed_a << 36 | signed_b << 37 | b << 18 | a | source << 38 | enable << 39 | reset << 40
        for signed_a, signed_b, a, b, source, enable, reset in vectors
    ]
    (tmp_path / "vectors.hex").write_text("\n".join(f"{word:x}" for word in words))
    instances = "".join(instance(name, parameters) for name, parameters in KINDS.items())
    bench = f"""
    module bench;
      reg clk = 0;
      reg [40:0] v, vectors[0:{len(words) - 1}];
      {instances}
      initial begin
        $readmemh("vectors.hex", vectors);
        for (integer n = 0; n < {len(words)}; n = n + 1) begin
          v = vectors[n];
          #4 $display("{" %h" * len(KINDS)}", {", ".join(KINDS)});
          #1 clk = 1;
          #5 clk = 0;
        end
        $finish;
      end
    endmodule"""
    lines = run([(CELLS / "mult18x18d.v").read_text(), bench], tmp_path)
    found = [[int(word, 16) for word in line.split()] for line in lines]
    assert [row[0] for row in found[: len(EXAMPLES)]] == list(EXAMPLES.values())
    for n, kind in enumerate(KINDS):
        assert [row[n] for row in found] == expected(kind, vectors), kind
