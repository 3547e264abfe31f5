"""Toggles of registers: which signals are registers, what changes, and that a design's own are all seen."""

from __future__ import annotations

import pytest
from networks import random_codes, random_network

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict
from ffhw.sim.scenario import Interface
from ffhw.sim.toggles import register_toggles, registers, toggles

VERILOG = """
module ffhw_top(clk, a, b);
  reg [3:0] count = 4'h0;
  reg comb;
  reg [7:0] \\q$1 ;
  always @* comb = a;
  always @(posedge clk)
    count <= \\$1 ;
  always @(posedge clk) begin
    if (b)
      \\q$1  <= \\$2 ;
  end
  always @(posedge clk) begin
    if (b) words[a] <= count;
  end
  \\ffhw_top.part  part (
  );
endmodule

module \\ffhw_top.part (clk);
  always @(posedge clk)
    if (en) data <= words[addr];
  always @(posedge clk)
    flag <= \\$3 ;
endmodule
"""

VCD = """$timescale 1ps $end
$scope module TOP $end
$var wire 1 c clk $end
$scope module ffhw_top $end
$var wire 4 # count [3:0] $end
$var wire 4 ! other [3:0] $end
$scope module part $end
$var wire 1 f flag $end
$upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
#0
b0000 #
b0000 !
0f
#1
b0011 #
b1111 !
1f
#2
b0100 #
#3
0f
"""


def test_registers_are_what_the_clock_assigns():
    assert registers(VERILOG) == {"ffhw_top.count", "ffhw_top.q$1", "ffhw_top.part.flag"}


def test_each_bit_that_changes_counts_once(tmp_path):
    (tmp_path / "w.vcd").write_text(VCD)
    # 0000 -> 0011 -> 0100: two bits, then three; the flag goes up and down; the other signal is none of the wanted
    assert toggles(tmp_path / "w.vcd", {"ffhw_top.count", "ffhw_top.part.flag"}) == 7


def test_a_register_that_the_dump_lacks_is_named(tmp_path):
    (tmp_path / "w.vcd").write_text(VCD)
    with pytest.raises(ValueError, match=r"lacks ffhw_top\.lost"):
        toggles(tmp_path / "w.vcd", {"ffhw_top.count", "ffhw_top.lost"})


@pytest.mark.long
@pytest.mark.simulation
def test_all_registers_of_a_design_are_seen(rng, tmp_path):
    network = random_network(4)
    foldings = fold(network, 1, 1)
    for name, text in generate(network, foldings).items():
        (tmp_path / name).write_text(text)
    sequence = random_codes(network, rng, [12])[0]
    cycles = predict(network, foldings).cycles_per_step
    interface = Interface(network, foldings)
    changes, count = register_toggles(tmp_path, interface, sequence, cycles)
    assert count > 30
    # a counter runs in every cycle, and the longer the sequence the more changes
    assert changes > 12 * cycles
    assert register_toggles(tmp_path, interface, sequence[:6], cycles)[0] < changes
