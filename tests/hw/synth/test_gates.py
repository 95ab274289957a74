"""Verilog of a netlist: what simple cells are written as, and a design that goes all the way."""

import itertools
import json
import random

import pytest

from takt_hw.synth.checks import problems
from takt_hw.synth.gates import models, verilog
from takt_hw.synth.mapping import NETLIST, synthesize
from takt_hw.synth.netlist import Netlist

from .bench import run

CYCLES = 2000


def comparison(first, second, inputs, outputs):
    """A bench in which two modules get random inputs in every cycle, and name the outputs that differ."""
    ports = ", ".join(f".{name}({name})" for name in inputs)
    both = "\n".join(f"wire [{width - 1}:0] {name}_{k};" for name, width in outputs.items() for k in (0, 1))
    instances = "\n".join(
        f"{module} dut{k}(.clk(clk), {ports}, {', '.join(f'.{name}({name}_{k})' for name in outputs)});"
        for k, module in enumerate((first, second))
    )
    checks = "\n".join(
        f'if ({name}_0 !== {name}_1) $display("{name} %0d %h %h", n, {name}_0, {name}_1);' for name in outputs
    )
    return f"""
    module bench;
      reg clk = 0;
      {" ".join(f"reg [{width - 1}:0] {name} = 0;" for name, width in inputs.items())}
      {both}
      {instances}
      initial begin
        for (integer n = 0; n < {CYCLES}; n = n + 1) begin
          {" ".join(f"{name} = {{$urandom, $urandom}};" for name in inputs)}
          #4;
          {checks}
          #1 clk = 1;
          #5 clk = 0;
        end
        $display("done");
        $finish;
      end
    endmodule"""


def cells(choose):
    """A design with every kind of simple cell and of its parameters, whose bits are inputs 2.. and outputs after."""
    found, outputs = {}, []
    net = itertools.count(100)

    def add(kind, out, parameters, **connections):
        bit = next(net)
        outputs.append(bit)
        found[f"cell{bit}"] = {
            "type": kind,
            "parameters": parameters,
            "connections": {port: [b] for port, b in connections.items()} | {out: [bit]},
        }

    data = list(range(3, 11))
    for _ in range(40):
        a, b, c, d = (choose.choice([*data, "0", "1"]) for _ in range(4))
        add("LUT4", "Z", {"INIT": f"{choose.getrandbits(16):016b}"}, A=a, B=b, C=c, D=d)
    for x, y, s in itertools.permutations(data[:4], 3):
        add("PFUMX", "Z", {}, ALUT=x, BLUT=y, C0=s)
        add("L6MUX21", "Z", {}, D0=x, D1=y, SD=s)
    for cemux, lsrmux, regset, mode in itertools.product(
        ("1 ", "CE", "INV"), ("LSR", "INV"), ("SET", "RESET"), ("LSR_OVER_CE", "ASYNC")
    ):
        parameters = {
            "CEMUX": cemux,
            "CLKMUX": "CLK",
            "LSRMUX": lsrmux,
            "REGSET": regset,
            "SRMODE": mode,
            "GSR": "AUTO",
        }
        ce, lsr, d = choose.sample(data, 3)
        add("TRELLIS_FF", "Q", parameters, CLK=2, CE=ce, LSR=lsr, DI=d)
    parameters = {"CEMUX": "1 ", "CLKMUX": "INV", "LSRMUX": "LSR", "REGSET": "RESET", "SRMODE": "LSR_OVER_CE"}
    add("TRELLIS_FF", "Q", parameters, CLK=2, LSR=data[0], DI=data[1])
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        "x": {"direction": "input", "bits": data},
        "y": {"direction": "output", "bits": outputs},
    }
    return {"modules": {"cells": {"attributes": {"top": "1"}, "ports": ports, "cells": found}}}, len(outputs)


def test_simple_cells_are_what_yosys_models_are(tmp_path):
    design, width = cells(random.Random(1))
    inlined, instances = verilog(design, "cells", "inlined"), verilog(design, "cells", "instances", inline=False)
    assert "TRELLIS_FF" not in inlined
    assert instances.count("LUT4") == 40
    bench = comparison("inlined", "instances", {"x": 8}, {"y": width})
    assert run([models(), inlined, instances, bench], tmp_path) == ["done"]


def test_a_register_loaded_from_outside_is_refused():
    design, _ = cells(random.Random(1))
    design["modules"]["cells"]["cells"] = {
        "r": {
            "type": "TRELLIS_FF",
            "parameters": {"LSRMODE": "PRLD"},
            "connections": {"CLK": [2], "LSR": [3], "M": [4], "DI": [5], "Q": [6]},
        }
    }
    with pytest.raises(ValueError, match="^LSRMODE must be LSR, not 'PRLD'$"):
        verilog(design, "cells")


RTL = """
module part(input clk, input signed [8:0] a, input signed [7:0] b, output reg signed [16:0] p);
  always @(posedge clk) p <= a * b;
endmodule

module NAME(input clk, input [8:0] a, input [7:0] b, input [8:0] wa, input [8:0] ra, input we, input [35:0] d,
    input [3:0] s, output [16:0] p, output [35:0] q, output [3:0] r, output [23:0] sum, output [31:0] wide);
  reg [35:0] memory[0:511];
  reg [3:0] few[0:15];
  reg [35:0] q_; reg [23:0] sum_; reg [31:0] wide_;
  integer n;
  initial for (n = 0; n < 512; n = n + 1) memory[n] = n * 36'h123456789;
  initial for (n = 0; n < 16; n = n + 1) few[n] = n;
  initial begin q_ = 0; sum_ = 5; wide_ = 0; end
  part product(.clk(clk), .a(a), .b(b), .p(p));
  always @(posedge clk) begin
    if (we) memory[wa] <= d;
    q_ <= memory[ra];
    if (we) few[wa[3:0]] <= d[3:0];
    if (s == 3) sum_ <= 0; else if (s[0]) sum_ <= sum_ + {a, b} - d[11:0];
    wide_ <= d[17:0] * d[35:18];
  end
  assign q = q_; assign r = few[ra[3:0]]; assign sum = sum_; assign wide = wide_;
endmodule
"""


def test_a_netlist_is_its_rtl(tmp_path):
    """Signed and unsigned products, block RAM and LUT RAM with content, carries, enables and resets."""
    (tmp_path / "rtl.v").write_text(RTL.replace("NAME", "design"))
    synthesize(["rtl.v"], "design", tmp_path, check=True)
    design = json.loads((tmp_path / NETLIST).read_text())
    netlist = Netlist.of(design)
    assert list(problems(netlist)) == []
    total = netlist.totals["design"]
    assert {name: total[name] for name in ("MULT18X18D", "DP16KD", "TRELLIS_DPR16X4")} == {
        "MULT18X18D": 2,
        "DP16KD": 1,
        "TRELLIS_DPR16X4": 1,
    }
    inputs = {"a": 9, "b": 8, "wa": 9, "ra": 9, "we": 1, "d": 36, "s": 4}
    outputs = {"p": 17, "q": 36, "r": 4, "sum": 24, "wide": 32}
    rtl = RTL.replace("NAME", "rtl").replace("part", "rtl_part")
    texts = [models(), verilog(design, "design", "gates"), rtl, comparison("gates", "rtl", inputs, outputs)]
    assert run(texts, tmp_path) == ["done"]
