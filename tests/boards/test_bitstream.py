"""The bitstream itself: unpacked, turned back into Verilog, and spoken to through its serial pins.

The unpacker leaves multipliers out without a word, so that the device is one that has none.
"""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest
from bundles import bundle_of
from networks import random_codes, random_network

from ffhw.boards import catalogue
from ffhw.boards.flow import LinkOptions, synthesize
from ffhw.processes import run
from ffhw.sim import served as served_board
from ffhw.sim.cells import arguments
from ffhw.sim.served import served
from ffhw.sim.spoken import speak
from ffhw.sim.verilated import compile_program

pytestmark = pytest.mark.proof
BOARD, PACKAGE = catalogue.board("hx8k-b-evn"), "ct256"
CLOCK_MHZ, BAUD = 24.0, 3_000_000
STEPS = 10_000
# Pins from the board's manual: the oscillator, and the serial link as the device sees it. The PLL is an ideal clock.
TOP = """
module board_top(input clk, input rx, output tx);
  bitstream device(.pin_J3(clk), .pin_B10(rx), .pin_B12(tx));
endmodule
module ideal_pll(input REFERENCECLK, EXTFEEDBACK, BYPASS, RESETB, LATCHINPUTVALUE, SDI, SCLK,
                 input [7:0] DYNAMICDELAY, output PLLOUTCORE, PLLOUTGLOBAL, LOCK, SDO);
  parameter FEEDBACK_PATH = "", DELAY_ADJUSTMENT_MODE_FEEDBACK = "", DELAY_ADJUSTMENT_MODE_RELATIVE = "";
  parameter PLLOUT_SELECT = "", SHIFTREG_DIV_MODE = 0, FDA_FEEDBACK = 0, FDA_RELATIVE = 0, DIVR = 0, DIVF = 0;
  parameter DIVQ = 0, FILTER_RANGE = 0, ENABLE_ICEGATE = 0, TEST_MODE = 0;
  assign PLLOUTCORE = REFERENCECLK;
  assign PLLOUTGLOBAL = REFERENCECLK;
  assign LOCK = 1;
endmodule
"""


def verilog_of(bitstream, folder) -> str:
    """What the bits say, as a module ``bitstream`` whose ports are the package's pins."""
    for program in ("iceunpack", "icebox_vlog"):
        assert shutil.which(program), f"{program} is missing: Debian's fpga-icestorm and fpga-icestorm-chipdb have it"
    unpacked = run(["iceunpack", bitstream, folder / "unpacked.asc"], cwd=folder)
    assert unpacked.returncode == 0, unpacked.reason()
    written = run(["icebox_vlog", "-s", "-l", "-d", PACKAGE, "-n", "bitstream", "unpacked.asc"], cwd=folder)
    assert written.returncode == 0, written.reason()
    # ports are declared a second time as wires, which Verilator does not take
    again = re.compile(r"^wire (.*);$", re.MULTILINE)
    ports_once = again.sub(lambda found: _wires(found.group(1).split(", ")), written.stdout)
    return ports_once.replace("SB_PLL40_CORE", "ideal_pll")


def _wires(names: list[str]) -> str:
    return "".join(f"wire {name};" for name in names if not name.startswith("pin_"))


def test_a_bitstream_gives_the_golden_models_codes(tmp_path):
    network = random_network(1, units=(5, 4), outputs=2, bits=6)
    bundle = bundle_of(tmp_path, network, lanes=2)
    link = LinkOptions(clock_mhz=CLOCK_MHZ, baud=BAUD)
    result = synthesize(bundle.path, BOARD, link=link)
    bitstream = bundle.path / "results" / f"synth-{BOARD.name}" / result["bitstream"]
    (tmp_path / "bitstream.v").write_text(verilog_of(bitstream, tmp_path))
    (tmp_path / "top.v").write_text(TOP)
    options = arguments(BOARD.family.name)
    driver = served_board._DRIVER
    program = compile_program(tmp_path, ["top.v", "bitstream.v"], "board_top", driver, options=options)
    rng = np.random.default_rng(1)
    lengths = [1, 300, *(int(n) for n in rng.integers(1, 60, 400))]
    sequences = random_codes(network, rng, lengths)
    assert sum(lengths) >= STEPS
    with served((program, "0", str(round(CLOCK_MHZ * 1e6 / BAUD))), tmp_path) as board:
        compared = speak(bundle, board.url, sequences, patience=60.0)
    assert compared == sum(lengths) * network.output_size
