"""Memories made of a family's block RAMs, against what they were given to hold, in the models of their cells."""

from __future__ import annotations

import numpy as np
import pytest

from ffhw.boards import catalogue
from ffhw.boards.block_rams import BLOCK_RAMS, bits_of, device_for
from ffhw.hdl.plan.devices import fewest
from ffhw.hdl.plan.memory import Memory
from ffhw.sim import cells
from ffhw.sim.tools import run_tool

# Words and bits: less than a row, a whole cell in each mode, several cells, several banks of them.
SHAPES = {
    "ice40": [(1, 5), (3, 22), (256, 16), (560, 32), (300, 9), (2048, 2), (5000, 3), (3000, 1), (4000, 40)],
    "ecp5": [(300, 9), (4000, 3), (16385, 1)],
}
BENCH = """
module bench_{n}(input clk, en, input [15:0] at, output reg bad);
  wire [{high}:0] got;
  reg [{high}:0] words [0:{last}];
  reg [{high}:0] right;
  initial begin $readmemb("held_{n}.mem", words); bad = 0; right = 0; end
  memory_{n} dut(.clk(clk), .en(en), .addr(at % {depth}), .data(got));
  reg known = 0;
  always @(posedge clk) begin
    if (known && got !== right) bad <= 1;
    if (en) begin right <= words[at % {depth}]; known <= 1; end
  end
endmodule
"""


def held(shape, seed=1):
    return np.random.default_rng(seed).integers(0, 2, shape).astype(np.uint8)


def text_of(bits):
    return "".join("".join(map(str, word[::-1])) + "\n" for word in bits)


def test_bits_of_a_memory_file():
    bits = held((7, 11))
    assert np.array_equal(bits_of(text_of(bits)), bits)


@pytest.mark.simulation
@pytest.mark.parametrize("family", sorted(BLOCK_RAMS))
def test_every_word_is_read_back(tmp_path, icarus, family):
    files, checks = [], ""
    for n, shape in enumerate(SHAPES[family]):
        bits = held(shape)
        (tmp_path / f"held_{n}.mem").write_text(text_of(bits))
        files.append(BLOCK_RAMS[family].verilog(f"memory_{n}", bits))
        files.append(BENCH.format(n=n, high=shape[1] - 1, last=shape[0] - 1, depth=shape[0]))
        checks += f"  wire bad_{n}; bench_{n} b_{n}(clk, en, at, bad_{n});\n"
    wrong = ", ".join(f"bad_{n}" for n in reversed(range(len(SHAPES[family]))))
    files.append(
        f"module bench; reg clk = 0; reg en = 1; reg [15:0] at = 0; integer i;\n{checks}"
        "  initial begin for (i = 0; i < 1000; i = i + 1) begin\n"
        "    #1 clk = 1; #1 clk = 0; en = i % 3 != 0; at = i * 37; end\n"
        f'  $display("wrong %b", {{{wrong}}}); $finish; end\nendmodule\n'
    )
    (tmp_path / "bench.v").write_text("\n".join(files))
    arguments = [a for a in cells.arguments(family) if not a.startswith(("-W", str(cells.library("ecp5"))))]
    run_tool(["iverilog", "-g2012", "-o", "bench", "bench.v", *arguments], tmp_path, "compiling")
    assert run_tool(["vvp", "bench"], tmp_path, "simulating").strip() == f"wrong {'0' * len(SHAPES[family])}"


@pytest.mark.parametrize("family", sorted(BLOCK_RAMS))
def test_what_is_held_changes_nothing_but_parameters(family):
    """The same cells by the same names, whatever they hold: also nothing at all."""
    for shape in SHAPES[family]:
        ram = BLOCK_RAMS[family]
        full, empty = ram.contents("m", held(shape)), ram.contents("m", np.zeros(shape, np.uint8))
        assert full.keys() == empty.keys()
        rows, columns = ram.shape(*shape)
        assert len(full) == -(-shape[0] // rows) * -(-shape[1] // columns)
        assert all("1" not in digits for stored in empty.values() for digits in stored.values())


@pytest.mark.parametrize(
    ("name", "generic", "loadable", "shapes"),
    [
        ("icebreaker", False, False, ()),
        ("icebreaker", True, False, ((16, 256), (8, 512), (4, 1024), (2, 2048))),
        ("icebreaker", True, True, ((16, 256), (8, 512), (4, 1024), (2, 2048))),
        # a cell of ours has 18 bits at most, synthesis makes such of 36
        ("ulx3s-85f", True, False, ((18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))),
        ("ulx3s-85f", True, True, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))),
        ("tangnano9k", True, False, ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))),
    ],
)
def test_a_design_of_generic_weights_sees_a_device_that_keeps_them(name, generic, loadable, shapes):
    board = catalogue.board(name)
    device = device_for(board, generic, loadable)
    assert device.kept == shapes
    assert device == board.device or generic
    weights = Memory(20, 4, trained=True)
    assert device.memory_blocks(weights) == (fewest(shapes, 20, 4) if generic else 0)
    assert device.memory_blocks(weights._replace(trained=False)) == 0
