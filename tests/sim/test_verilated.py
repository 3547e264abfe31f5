"""Compiling a simulation: what is compiled once, and what a program sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from ffhw.errors import ToolError
from ffhw.sim import verilated
from ffhw.sim.tools import run_tool
from ffhw.sim.verilated import compile_program

pytestmark = pytest.mark.simulation

VERILOG = """
module counter(input clk, output reg [7:0] count);
  initial count = 3;
  always @(posedge clk) count <= count + 1;
endmodule
"""
MAIN = """
#include <cstdio>
#include "Vtop.h"
#include "start.h"
int main() {
  VerilatedContext context;
  Vtop top{&context};
  for (int n = 0; n < START; ++n) { top.clk = 0; top.eval(); top.clk = 1; top.eval(); }
  std::printf("%d", top.count);
}
"""


def program(folder: Path, start: int) -> str:
    """What the counter says after so many cycles."""
    folder.mkdir()
    (folder / "counter.v").write_text(VERILOG)
    (folder / "main.cpp").write_text(MAIN)
    (folder / "start.h").write_text(f"#define START {start}\n")
    built = compile_program(folder, ["counter.v"], "counter", folder / "main.cpp")
    return run_tool([str(built)], folder, "the counter")


@pytest.mark.long
def test_the_library_and_its_header_are_compiled_once(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setattr(verilated, "cache_folder", lambda: cache)
    # a compiled header that does not fit is read as text, without a word: here it is an error
    monkeypatch.setattr(verilated, "_FLAGS", (*verilated._FLAGS, "-Werror=invalid-pch"))
    assert program(tmp_path / "one", 4) == "7"
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    kinds = sorted(path.name.partition("-")[0] + path.name[path.name.index(".") :] for path in kept)
    assert kinds == ["verilated.h", "verilated.h.gch", "verilated.o", "verilated_threads.o"]
    # in a folder whose name make could not take
    assert program(tmp_path / "an other", 9) == "12"
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept


def test_what_cannot_be_compiled_is_told_in_one_line(tmp_path):
    (tmp_path / "counter.v").write_text("module counter(input clk);\n")
    with pytest.raises(ToolError, match=r"^Verilator failed: %Error: counter\.v"):
        compile_program(tmp_path, ["counter.v"], "counter", tmp_path / "main.cpp")
    (tmp_path / "counter.v").write_text(VERILOG)
    (tmp_path / "main.cpp").write_text("int main() { return wrong; }\n")
    with pytest.raises(ToolError, match=r"^compiling the simulation failed: .*error: .wrong. was not declared"):
        compile_program(tmp_path, ["counter.v"], "counter", tmp_path / "main.cpp")
