from __future__ import annotations

import json

import pytest

from ffhw.errors import MismatchError, ToolError
from ffhw.sim import cells
from ffhw.sim.mapped import Cut, Mapped


def cell(kind, outputs=(), parameters=None, **connections):
    directions = {port: "output" if port in outputs else "input" for port in connections}
    return {
        "type": kind,
        "parameters": parameters or {},
        "port_directions": directions,
        "connections": {port: bits if isinstance(bits, list) else [bits] for port, bits in connections.items()},
    }


def netlist(**changes):
    """A register behind an inverter, a clock buffer, a constant net."""
    parts = {
        "buffer": cell("SB_GB_IO", ["GLOBAL_BUFFER_OUTPUT"], PACKAGE_PIN=2, GLOBAL_BUFFER_OUTPUT=3),
        "invert": cell("SB_LUT4", ["O"], {"LUT_INIT": "0101010101010101"}, I0=5, I1="0", I2="0", I3="x", O=4),
        "keep": cell("SB_DFF", ["Q"], C=3, D=4, Q=5),
        **changes,
    }
    nets = {"q": [5], "d": [4], "both": [5, 4, "0"], "always": ["1"]}
    return Mapped({"clock": {"direction": "input", "bits": [2]}}, parts, nets)


def test_a_file_of_yosys(tmp_path):
    module = {
        "ports": {},
        "cells": {"a": cell("SB_DFF", ["Q"], C="0", D="0", Q=7), "note": {"type": "$scopeinfo"}},
        "netnames": {"q": {"bits": [7]}},
    }
    path = tmp_path / "top.json"
    path.write_text(json.dumps({"modules": {"top": module}}))
    found = Mapped.load(path)
    assert found.nets == {"q": [7]}
    assert found.count() == {"SB_DFF": 1}
    for text in ("", "{}", '{"modules": {"other": {}}}'):
        path.write_text(text)
        with pytest.raises(ToolError, match=r"^top.json is not a netlist with a module top"):
            Mapped.load(path)


def test_verilog_watches_and_drives():
    text = Cut(netlist(), ("q", "both", "always"), ("q", "always")).verilog()
    assert "module netlist(input clock, input cut, input [0:0] in_q, input [0:0] in_always, output [0:0] net_q" in text
    assert "assign n3 = clock;" in text
    # the register drives d5 in place of n5, which everything else reads
    assert "wire d5; assign n5 = cut ? in_q[0] : d5;" in text
    assert "SB_DFF #() c2 (.C({n3}), .D({n4}), .Q({d5}));" in text
    assert "SB_LUT4 #(.LUT_INIT(16'b0101010101010101)) c1 (.I0({n5}), .I1({1'b0}), .I2({1'b0}), .I3({1'bx})" in text
    assert "assign net_both = {1'b0, n4, n5};" in text
    # nothing can be driven where there is a constant
    assert "in_always[0]" not in text


def test_parameters_are_numbers_or_texts():
    values = {"a": "0011", "b": "NONE", "c": "1 ", "d": "0b000", "e": 7}
    part = cell("SB_DFF", ["Q"], values, C=3, D=4, Q=5)
    text = Cut(netlist(keep=part), (), ()).verilog()
    assert '#(.a(4\'b0011), .b("NONE"), .c("1"), .d("0b000"), .e(7))' in text


def test_wrong_netlists_are_refused():
    loose = netlist(invert=cell("SB_LUT4", ["O"], I0=9, O=4))
    with pytest.raises(MismatchError, match=r"^the netlist is wrong: 1 nets have no driver, one is read by invert$"):
        loose.drivers()
    twice = netlist(other=cell("SB_LUT4", ["O"], I0=5, O=4))
    with pytest.raises(MismatchError, match=r"^the netlist is wrong: other and invert drive the same net$"):
        twice.drivers()


def test_a_net_that_is_gone_or_has_logic_in_front_is_refused():
    with pytest.raises(ToolError, match=r"^the netlist has no net gone: yosys did not keep it$"):
        Cut(netlist(), ("gone",), ()).verilog()
    with pytest.raises(ToolError, match=r"^the netlist has logic in front of d: it cannot be driven in simulation$"):
        Cut(netlist(), (), ("d",)).verilog()


def multiplier(**changes):
    return cell("MULT18X18D", ["P0"], changes.pop("parameters", {}), **{"A0": 3, "P0": 9, "SOURCEA": "0", **changes})


@pytest.mark.parametrize(
    ("family", "part", "message"),
    [
        ("ecp5", multiplier(parameters={"REG_OUTPUT_CLK": "CLK0"}), "MULT18X18D with REG_OUTPUT_CLK = CLK0"),
        ("ecp5", multiplier(SOURCEA=3), "MULT18X18D with a driven SOURCEA"),
        ("ecp5", cell("DP16KD", [], {"REGMODE_A": "OUTREG"}), "DP16KD with REGMODE_A = OUTREG"),
        ("ecp5", cell("DP16KD", [], {"DATA_WIDTH_A": "101"}), "DP16KD with DATA_WIDTH_A = 101"),
        ("ecp5", cell("DP16KD", [], RSTA=3), "DP16KD with a driven RSTA"),
        ("ecp5", cell("USRMCLK"), "the cell USRMCLK"),
        ("gowin", cell("SPX9", [], {"READ_MODE": "1"}), "SPX9 with READ_MODE = 1"),
        ("gowin", cell("MULT9X9", ["DOUT"], {"OUT_REG": "1"}, A=3, DOUT=4), "MULT9X9 with OUT_REG = 1"),
        ("gowin", cell("SDP"), "the cell SDP"),
        ("ice40", cell("SB_MAC17"), "the cell SB_MAC17"),
    ],
)
def test_what_no_model_covers_is_refused_by_name(family, part, message):
    with pytest.raises(ToolError, match=rf"^no model for {message} \(it\): use --no-check$"):
        cells.check_covered(Mapped({}, {"it": part}, {}), family)


@pytest.mark.parametrize(
    ("family", "part"),
    [
        ("ecp5", multiplier()),
        ("ecp5", cell("DP16KD", [], {"DATA_WIDTH_A": "1001", "INITVAL_00": "0" * 320, "CLKAMUX": "CLKA"}, RSTA="x")),
        ("gowin", cell("SPX9", [], {"READ_MODE": "0", "BIT_WIDTH": "100100"}, RESET="0")),
        ("ice40", cell("SB_MAC16", [], {"A_REG": "1"})),
    ],
)
def test_what_yosys_infers_is_covered(family, part):
    cells.check_covered(Mapped({}, {"it": part}, {}), family)


def test_constant_nets_of_gowin_count_as_constants():
    ground, supply = cell("GND", ["G"], G=7), cell("VCC", ["V"], V=8)
    for bit, fine in ((7, True), (8, False)):
        parts = {"g": ground, "v": supply, "it": cell("SPX9", [], RESET=bit)}
        if fine:
            cells.check_covered(Mapped({}, parts, {}), "gowin")
        else:
            with pytest.raises(ToolError, match="SPX9 with a driven RESET"):
                cells.check_covered(Mapped({}, parts, {}), "gowin")
