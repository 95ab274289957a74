"""The model of DP16KD against Lattice's words for it."""

import random

import pytest

from takt_hw.synth.gates import CELLS

from .bench import run

CYCLES = 400

SIDES = "AB"


class BlockRam:
    """2048 bytes of nine bits behind two ports, of which each reads or writes in a cycle."""

    def __init__(self, parameters, initial):
        self.parameters = parameters
        self.content = list(initial)
        self.latch = dict.fromkeys(SIDES, 0)
        self.register = dict.fromkeys(SIDES, 0)

    def width(self, side):
        return self.parameters[f"DATA_WIDTH_{side}"]

    def places(self, side, address):
        """The bits of a port's word, lowest first, as byte and bit, and which of them a write reaches."""
        width = self.width(side)
        if width < 9:
            first = address % 8 // width * width
            return [(address >> 3, first + n) for n in range(width)], [True] * width
        count = width // 9
        first = (address >> 3) // count * count
        enabled = [count == 1 or bool(address >> n & 1) for n in range(count)]
        places = [(first + n, bit) for n in range(count) for bit in range(9)]
        return places, [enabled[n] for n in range(count) for _ in range(9)]

    def outputs(self):
        """DOA and DOB."""
        a, b = (
            self.register[side] if self.parameters.get(f"REGMODE_{side}") == "OUTREG" else self.latch[side]
            for side in SIDES
        )
        if self.width("B") == 36:
            return b % (1 << 18), b >> 18
        return a % (1 << 18), b

    def clock(self, inputs):
        """One edge of both clocks; ``inputs`` are (ce, oce, we, rst, address, data) by port."""
        before = list(self.content)
        shown = {}
        for side in SIDES:
            ce, oce, we, rst, address, data = inputs[side]
            if self.width(side) == 36 and side == "A":
                data |= inputs["B"][5] << 18
            places, reached = self.places(side, address)
            writes = {place: data >> n & 1 for n, (place, here) in enumerate(zip(places, reached, strict=True)) if here}
            if ce and we and not rst:
                for (byte, bit), value in writes.items():
                    self.content[byte] = self.content[byte] & ~(1 << bit) | value << bit
            mode = self.parameters.get(f"WRITEMODE_{side}", "NORMAL")
            if ce and (not we or mode != "NORMAL"):
                new = writes if we and not rst and mode == "WRITETHROUGH" else {}
                shown[side] = sum(
                    (new[place] if place in new else before[place[0]] >> place[1] & 1) << n
                    for n, place in enumerate(places)
                )
        for side in SIDES:
            _, oce, _, rst, _, _ = inputs[side]
            if oce:
                self.register[side] = self.latch[side]
            self.latch[side] = shown.get(side, self.latch[side])
            if rst:
                self.latch[side] = self.register[side] = 0


KINDS = [
    {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": 36},
    {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": 9},
    {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": 1},
    *({"DATA_WIDTH_A": width, "DATA_WIDTH_B": width} for width in (1, 2, 4, 9, 18)),
    {"DATA_WIDTH_A": 18, "DATA_WIDTH_B": 9, "WRITEMODE_A": "WRITETHROUGH"},
    {"DATA_WIDTH_A": 18, "DATA_WIDTH_B": 18, "WRITEMODE_A": "READBEFOREWRITE", "WRITEMODE_B": "WRITETHROUGH"},
    {"DATA_WIDTH_A": 4, "DATA_WIDTH_B": 18, "WRITEMODE_A": "WRITETHROUGH"},
    {"DATA_WIDTH_A": 18, "DATA_WIDTH_B": 18, "REGMODE_A": "OUTREG", "REGMODE_B": "OUTREG"},
]


def instance(n, parameters, initial):
    """A block RAM that vector ``v`` drives, with its outputs in ``q{n}``."""
    given = [
        f'.{key}("{value}")' if isinstance(value, str) else f".{key}({value})" for key, value in parameters.items()
    ]
    for block in range(64):
        words = (initial[block * 32 + 2 * k] | initial[block * 32 + 2 * k + 1] << 9 for k in range(16))
        given.append(f".INITVAL_{block:02X}(320'h{sum(word << 20 * k for k, word in enumerate(words)):x})")
    ports = [
        f".CS{side}{k}(1'b0), .CLK{side}(clk)" if k == 0 else f".CS{side}{k}(1'b0)" for side in SIDES for k in range(3)
    ]
    for place, side in enumerate(SIDES):
        base = 36 * place
        for k, port in enumerate(("CE", "OCE", "WE", "RST")):
            ports.append(f".{port}{side}(v[{base + k}])")
        ports += [f".AD{side}{k}(v[{base + 4 + k}])" for k in range(14)]
        ports += [f".DI{side}{k}(v[{base + 18 + k}])" for k in range(18)]
        ports += [f".DO{side}{k}(q{n}[{18 * place + k}])" for k in range(18)]
    return f"wire [35:0] q{n};\n  DP16KD #({', '.join(given)}) ram{n} ({', '.join(ports)});"


def vectors(choose, parameters, count):
    """Inputs of both ports by cycle; the ports never touch one word of 36 bits in a cycle when one writes."""
    result = []
    while len(result) < count:
        inputs = {}
        for side in SIDES:
            writes = choose.random() < 0.5 and not (side == "B" and 36 in parameters.values())
            flags = [int(choose.random() < part) for part in (0.8, 0.6, 0.0, 0.05)]
            flags[2] = int(writes)
            address = choose.getrandbits(5) << 4 | choose.getrandbits(4)
            inputs[side] = (*flags, address | (0x3E00 if choose.random() < 0.3 else 0), choose.getrandbits(18))
        apart = inputs["A"][4] >> 5 != inputs["B"][4] >> 5
        if apart or not (inputs["A"][2] or inputs["B"][2]):
            result.append(inputs)
    return result


def word(inputs):
    """All inputs of a cycle as one number."""
    total = 0
    for place, side in enumerate(SIDES):
        *flags, address, data = inputs[side]
        total |= (sum(flag << k for k, flag in enumerate(flags)) | address << 4 | data << 18) << 36 * place
    return total


def bench(directory, kinds, initial, stimuli):
    """Outputs before each clock edge: by cycle and kind, DOA and DOB."""
    for n, stimulus in enumerate(stimuli):
        (directory / f"v{n}.hex").write_text("\n".join(f"{word(inputs):x}" for inputs in stimulus))
    cycles = len(stimuli[0])
    modules = [
        f"""
        module kind{n}(input clk, input integer cycle, output [35:0] o);
          reg [71:0] vectors[0:{cycles - 1}];
          initial $readmemh("v{n}.hex", vectors);
          wire [71:0] v = vectors[cycle];
          {instance(n, parameters, initial)}
          assign o = q{n};
        endmodule"""
        for n, parameters in enumerate(kinds)
    ]
    outputs = [f"o{n}" for n in range(len(kinds))]
    wires = "\n".join(
        f"wire [35:0] {o}; kind{n} k{n}(.clk(clk), .cycle(cycle), .o({o}));" for n, o in enumerate(outputs)
    )
    top = f"""
    module bench;
      reg clk = 0;
      integer cycle = 0;
      {wires}
      initial begin
        #1;
        while (cycle < {cycles}) begin
          #4 $display("{" %h" * len(kinds)}", {", ".join(outputs)});
          clk = 1;
          #4 clk = 0;
          #1 cycle = cycle + 1;
        end
        $finish;
      end
    endmodule"""
    lines = run([(CELLS / "dp16kd.v").read_text(), *modules, top], directory)
    return [[(int(q, 16) % (1 << 18), int(q, 16) >> 18) for q in line.split()] for line in lines]


def test_every_width_mode_and_register(tmp_path):
    choose = random.Random(1)
    initial = [choose.getrandbits(9) for _ in range(2048)]
    stimuli = [vectors(choose, parameters, CYCLES) for parameters in KINDS]
    found = bench(tmp_path, KINDS, initial, stimuli)
    assert len(found) == CYCLES
    for n, (parameters, stimulus) in enumerate(zip(KINDS, stimuli, strict=True)):
        ram = BlockRam(parameters, initial)
        for cycle, inputs in enumerate(stimulus):
            assert found[cycle][n] == ram.outputs(), (parameters, cycle)
            ram.clock(inputs)


def idle():
    return (1, 1, 0, 0, 0, 0)


@pytest.mark.parametrize("width", [18])
def test_written_out(tmp_path, width):
    """A word is written byte by byte, read by the other port a cycle later, and reset."""
    address = 5 << 4
    write = (1, 1, 1, 0)
    stimulus = [
        {"A": (*write, address | 1, 0x2AB55), "B": idle()},  # lower byte: 0x155
        {"A": (*write, address | 2, 0x2AB55), "B": (1, 1, 0, 0, address, 0)},  # upper byte: 0x155
        {"A": (*write, address, 0x3FFFF), "B": (1, 1, 0, 0, address, 0)},  # no byte at all
        {"A": idle(), "B": (1, 1, 0, 0, address, 0)},
        {"A": idle(), "B": (0, 1, 0, 1, address, 0)},  # reset needs no enable
        {"A": idle(), "B": idle()},
    ]
    kind = {"DATA_WIDTH_A": width, "DATA_WIDTH_B": width}
    found = [row[0][1] for row in bench(tmp_path, [kind], [0] * 2048, [stimulus])]
    old, new = 0x00155, 0x2AB55
    clash = found[2]
    assert found[:2] == [0, 0]
    assert clash not in (old, new), "what is read while the other port writes must be neither old nor new"
    assert clash & 0x1FF == old & 0x1FF, "a byte that is not written must be read as it is"
    assert found[3:] == [new, new, 0]
