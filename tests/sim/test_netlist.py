"""The netlist check: it passes what is right and refuses what is broken, on all families."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import numpy as np
import pytest
from bundles import bundle_of
from networks import random_network

from ffhw.boards import catalogue, flow
from ffhw.boards.plan import core_ports
from ffhw.boards.tools import Toolbox
from ffhw.bundle import Bundle
from ffhw.errors import MismatchError
from ffhw.numbers.formats import Index
from ffhw.sim import netlist, verilated
from ffhw.sim.gates import simulate_gates
from ffhw.sim.mapped import Mapped
from ffhw.sim.netlist import NetlistSimulator, check_netlist, port_packings
from ffhw.sim.scenario import Interface

CYCLES = 40_000


def synthesized(bundle: Bundle, name: str, folder: Path, edit=lambda files: files) -> Path:
    """Folder of ``top.json``; ``edit`` changes the files that yosys reads."""
    folder.mkdir()
    plan = flow.plan(bundle, catalogue.board(name), 1)
    for file, text in edit(plan.files).items():
        (folder / file).write_text(text)
    program, arguments = plan.commands[0]
    Toolbox(folder, print, lambda _: None).run(program, arguments, "synth.log")
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(netlist, "CYCLES", CYCLES)
    # compiled in half the time
    monkeypatch.setattr(verilated, "OPTIMIZE", "-O0")


def test_ports_and_vectors(tmp_path):
    network = random_network(1, inputs=3, units=(6,), outputs=2, bits=8)
    bundle = bundle_of(tmp_path, network, keep_state=True)
    packings = port_packings(Interface(network, bundle.foldings(), keep_state=True))
    assert list(packings) == ["s_axis", "m_axis", "s_axis_state_0", "m_axis_state_0"]
    cycles = bundle.json("performance.json")["cycles_per_step"]
    assert [len(s) for s in netlist.test_sequences(bundle, 20 * cycles)] == [12, 8]
    assert [len(s) for s in netlist.test_sequences(bundle, 0)] == [12, 4]
    assert len(netlist.test_sequences(bundle, 10_000 * cycles)) == 8
    assert [port.name for port in core_ports(bundle)] == list(packings)
    for port, packing in zip(core_ports(bundle), packings.values(), strict=True):
        assert (port.bits, port.beats) == (8 * packing.beat_bytes, packing.beats)


CASES = {
    "icebreaker": ({"inputs": 3, "units": (6,), "outputs": 2, "bits": 8}, {"lanes": 2}, {"keep_state": True}),
    "ulx3s-85f": (
        {"inputs": 4, "units": (5, 4), "outputs": 3, "bits": 8, "return_sequences": False},
        {"simd": 2},
        {},
    ),
    "tangnano9k": (
        {"inputs": 3, "units": (6,), "outputs": 5, "bits": 6, "tokens": 11, "activation": "argmax"},
        {"simd": 2},
        {},
    ),
}


@pytest.fixture(scope="module", params=sorted(CASES))
def built(request, tmp_path_factory):
    """Board, bundle, folder of its netlist: states that are kept, two layers, tokens."""
    sizes, folding, options = CASES[request.param]
    folder = tmp_path_factory.mktemp("netlist")
    bundle = bundle_of(folder, random_network(1, **sizes), **folding, **options)
    return catalogue.board(request.param), bundle, synthesized(bundle, request.param, folder / "synth")


@pytest.mark.synthesis
def test_a_right_netlist_passes_and_its_stimulus_is_what_it_should_be(built, monkeypatch):
    board, bundle, folder = built
    said, runs, run = [], [], NetlistSimulator.run
    monkeypatch.setattr(NetlistSimulator, "run", lambda *a, **k: (runs.append(run(*a, **k)), runs[-1])[1])
    result = check_netlist(bundle, board, folder, said.append)
    assert said == ["simulating the netlist"]
    assert result["codes"] > 200
    assert result["cycles"] > CYCLES
    own, vectors = (found.beats for found in runs)
    assert np.array_equal(vectors["s_axis"].codes[:12], bundle.vectors()["codes"][0])
    # sequences of one step and of many, every bit of the inputs moves by itself
    inputs, form = own["s_axis"], bundle.network().input
    lengths = np.diff(np.flatnonzero(inputs.last), prepend=-1)
    assert lengths.min() == 1
    assert lengths.max() >= 8
    assert lengths.mean() == pytest.approx(4, rel=0.3)
    if isinstance(form, Index):
        assert set(inputs.codes.ravel()) == set(range(form.size))
    else:
        bits = (inputs.codes[:, :, None] >> np.arange(form.bits) & 1).reshape(len(inputs.codes), -1)
        correlation = np.corrcoef(np.column_stack([bits, inputs.last]).T)
        assert np.abs(correlation - np.eye(len(correlation))).max() < 5 / np.sqrt(len(bits))
    if bundle.keep_state:
        assert len(own["s_axis_state_0"].codes) == pytest.approx(len(lengths) / 2, rel=0.3)


def flipped_table(cells: dict, rng: np.random.Generator) -> None:
    """A lookup table of the core's arithmetic turned over."""
    names = [n for n, c in cells.items() if re.fullmatch(r"SB_LUT4|LUT4", c["type"]) and ".cell." in n]
    parameters = cells[str(rng.choice(names))]["parameters"]
    key = next(k for k in parameters if "INIT" in k)
    parameters[key] = "".join("10"[int(bit)] for bit in parameters[key])


def dropped_multiplier(cells: dict, rng: np.random.Generator) -> None:
    """A multiplier that gives nothing but zeros: its factor is gone."""
    names = [n for n, c in cells.items() if re.match(r"SB_MAC16|MULT", c["type"])]
    cell = cells[str(rng.choice(names))]
    for port, bits in cell["connections"].items():
        if re.fullmatch(r"A\d*", port):
            cell["connections"][port] = ["0"] * len(bits)


def changed_memory(cells: dict, rng: np.random.Generator) -> None:
    """All words of a table's or a weight memory's block RAM turned over."""
    names = [n for n, c in cells.items() if re.match(r"SB_RAM40|DP16KD|SP|DPX9B", c["type"]) and "storage" not in n]
    parameters = cells[str(rng.choice(names))]["parameters"]
    for key, value in parameters.items():
        if key.startswith("INIT") and len(value) > 64:
            parameters[key] = "".join("10"[int(bit)] if bit in "01" else bit for bit in value)


BREAKS = {"icebreaker": changed_memory, "ulx3s-85f": flipped_table, "tangnano9k": dropped_multiplier}


@pytest.mark.synthesis
def test_a_broken_netlist_is_refused(built, tmp_path):
    board, bundle, folder = built
    content = json.loads((folder / "top.json").read_text())
    cells = copy.deepcopy(content["modules"]["top"]["cells"])
    BREAKS[board.name](cells, np.random.default_rng(2))
    assert cells != content["modules"]["top"]["cells"]
    content["modules"]["top"]["cells"] = cells
    (tmp_path / "top.json").write_text(json.dumps(content))
    message = rf"^the netlist for {re.escape(board.title)} does not compute the network, no bitstream is made: with .*"
    with pytest.raises(MismatchError, match=message) as caught:
        check_netlist(bundle, board, tmp_path, lambda _: None)
    assert "codes differ, first in vector" in str(caught.value) or "expected " in str(caught.value)
    assert caught.value.exit_code == 3


def with_ready_tied(files: dict[str, str]) -> dict[str, str]:
    """The wrapper with ``m_axis_tready`` always 1, and products that yosys may put where it likes."""
    top = files["top.il"].replace("connect \\Q \\m_axis_tready\n", "connect \\Q \\gone\n")
    assert top != files["top.il"]
    instance = "  cell \\ffhw_top \\top\n"
    top = top.replace(instance, f"  wire width 1 \\gone\n  connect \\m_axis_tready 1'1\n{instance}")
    core = re.sub(r"\(\* *keep\b[^*]*\*\)", "", files["ffhw_top.v"])
    return {**files, "top.il": top, "ffhw_top.v": core}


@pytest.mark.synthesis
def test_a_product_that_yosys_drops_is_noticed(tmp_path):
    """yosys 0.70 loses one of two registered products that are added and that nothing ever stops.

    Such is a JK cell whose output is always taken. Should a later yosys build it right, the multipliers are all there.
    """
    network = random_network(3, inputs=2, units=(4,), outputs=0, bits=8)
    bundle, board = bundle_of(tmp_path, network), catalogue.board("icebreaker")
    folder = synthesized(bundle, "icebreaker", tmp_path / "synth", with_ready_tied)
    built = Mapped.load(folder / "top.json").count()["SB_MAC16"]
    if built == 4:
        check_netlist(bundle, board, folder, lambda _: None)
        pytest.skip("this yosys builds all products")
    with pytest.raises(MismatchError, match=r"does not compute the network, .* codes differ, first in vector 0"):
        check_netlist(bundle, board, folder, lambda _: None)


@pytest.mark.synthesis
@pytest.mark.parametrize("name", sorted(CASES))
def test_a_boards_top_level_is_spoken_to(tmp_path, monkeypatch, name):
    """Gate by gate, through its serial pins, with states that are sent and given back on one of them."""
    sizes, folding, options = CASES[name]
    monkeypatch.setattr(netlist, "SPOKEN_CYCLES", 100_000)
    monkeypatch.setattr(verilated, "OPTIMIZE", "-O1")
    bundle, board = bundle_of(tmp_path, random_network(1, **sizes), **folding, **options), catalogue.board(name)
    said = []
    result = simulate_gates(bundle.path, board, 0, said.append)
    assert said[-1] == "simulating the netlist"
    assert result["codes"] > 100
    assert bundle.results()[f"gates-{name}"]["equal"]


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(CASES))
def test_ten_thousand_steps_of_a_boards_top_level(tmp_path, monkeypatch, name):
    """As `ffhw sim --level gates --all` runs them."""
    monkeypatch.setattr(verilated, "OPTIMIZE", "-O1")
    sizes, folding, options = CASES[name]
    bundle = bundle_of(tmp_path, random_network(1, **sizes), **folding, **options)
    result = simulate_gates(bundle.path, catalogue.board(name), 11_000, lambda _: None)
    assert result["cycles"] >= 10_000 * bundle.json("performance.json")["cycles_per_step"]
    assert result["codes"] >= 1000


@pytest.mark.proof
def test_a_loadable_design_of_gates(tmp_path):
    """With the weights that it holds when power comes."""
    network = random_network(1, inputs=3, units=(4,), outputs=2, bits=6).generic()
    generic = {"scales": [], "argmax": False, "max_steps": 16}
    bundle = bundle_of(tmp_path, network, lanes=2, generic=generic, loadable=True)
    assert simulate_gates(bundle.path, catalogue.board("icebreaker"), 0, lambda _: None)["codes"] > 100
