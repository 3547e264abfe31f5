"""The register block, by another project's AXI4-Lite master; and the LiteX module that holds it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benches import passes
from bundles import bundle_of
from networks import random_network

from ffhw.hdl.litex import ports_of
from ffhw.hdl.registers import ADDRESS_BITS, COUNTERS, REGISTERS
from ffhw.sim.scenario import Interface

TOP = """
module csr_test(input clk, rst, input [7:0] in_tdata, input in_tvalid, in_tlast, output in_tready,
  output [7:0] m_axis_tdata, output m_axis_tvalid, m_axis_tlast, input m_axis_tready,
  input [6:0] s_axil_awaddr, input [2:0] s_axil_awprot, input s_axil_awvalid, output s_axil_awready,
  input [31:0] s_axil_wdata, input [3:0] s_axil_wstrb, input s_axil_wvalid, output s_axil_wready,
  output [1:0] s_axil_bresp, output s_axil_bvalid, input s_axil_bready,
  input [6:0] s_axil_araddr, input [2:0] s_axil_arprot, input s_axil_arvalid, output s_axil_arready,
  output [31:0] s_axil_rdata, output [1:0] s_axil_rresp, output s_axil_rvalid, input s_axil_rready);
  wire core_rst, valid, ready;
  mine_csr csr(.*, .s_axis_tvalid(valid), .s_axis_tready(ready), .s_axis_tlast(in_tlast));
  mine_top core(.clk(clk), .rst(rst | core_rst), .s_axis_tdata(in_tdata), .s_axis_tlast(in_tlast),
    .s_axis_tvalid(valid), .s_axis_tready(ready), .m_axis_tdata(m_axis_tdata), .m_axis_tvalid(m_axis_tvalid),
    .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast));
endmodule
"""
TESTS = 4
DOCS = Path(__file__).parents[2] / "docs/other-flows.md"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    network = random_network(1, inputs=3, units=(4,), outputs=2, bits=6)
    return bundle_of(tmp_path_factory.mktemp("csr"), network, prefix="mine", csr=True)


def test_the_map(bundle):
    """No two registers at one place, all within the address; what is fixed is the bundle's; the page lists them."""
    assert len({r.address for r in REGISTERS}) == len(REGISTERS)
    assert max(r.address for r in REGISTERS) < 1 << ADDRESS_BITS
    assert len(COUNTERS) == 7
    found = json.loads(bundle.files["csr/mine_csr.json"])
    assert [r["address"] for r in found["registers"]] == [r.address for r in REGISTERS]
    digest = hashlib.sha256(bundle.files["network.npz"]).digest()
    assert [found["values"][f"network_{n}"] for n in range(4)] == np.frombuffer(digest[:16], "<u4").tolist()
    assert (found["values"]["input_size"], found["values"]["output_size"]) == (3, 2)
    listed = re.findall(r"^\| `(\w{2})` \| (\w+) \| (ro|rw) \| (.*) \|$", DOCS.read_text(), re.MULTILINE)
    assert listed == [(f"{r['address']:02x}", r["name"], r["access"], r["what"]) for r in found["registers"]]


@pytest.mark.simulation
def test_by_another_projects_masters(bundle, icarus, tmp_path, monkeypatch):
    interface = Interface(bundle.network(), bundle.foldings(), False)
    vectors = bundle.vectors()
    sequences = [interface.input.pack_sequences([codes[:5]])[0] for codes in vectors["codes"][:3]]
    expected = [interface.output.pack_sequences([codes[:5]])[0] for codes in vectors["expected"][:3]]
    scenario = {
        **json.loads(bundle.files["csr/mine_csr.json"]),
        "sequences": [beats.ravel().tolist() for beats in sequences],
        "expected": [beats.ravel().tolist() for beats in expected],
        "in_bytes": interface.input.beat_bytes,
        "out_bytes": interface.output.beat_bytes,
    }
    bench = Path(__file__).with_name("csr_bench.py")
    passes(bench, bundle, scenario, tmp_path, monkeypatch, icarus, TESTS, "csr_test", TOP)


BUILD = """
import sys
sys.path.insert(0, sys.argv[1])
from migen.fhdl.verilog import convert
from ffhw_litex import FfhwTop

class Platform:
    sources = []
    def add_source(self, path):
        self.sources.append(path)

platform = Platform()
module = FfhwTop(platform)
ios = {{signal for endpoint in ({endpoints},) for signal in endpoint.flatten()}}
convert(module, ios, name="around").write("around.v")
print(*platform.sources, *module.memories, sep="\\n")
"""


@pytest.mark.simulation
@pytest.mark.parametrize("options", [{"csr": True}, {"keep_state": True}, {"loadable": True}])
def test_litex_takes_the_module(tmp_path, icarus, options):
    """LiteX instantiates it, and what it writes compiles with the Verilog: every port is there, as wide as it is."""
    if "loadable" in options:
        options = {**options, "generic": {"scales": [], "argmax": False, "max_steps": 8}}
    bundle = bundle_of(tmp_path, random_network(1, inputs=3, units=(4,), outputs=2, bits=6), **options)
    verilog = bundle.files["rtl/ffhw_top.v"].decode()
    streams = [port.removesuffix("_tdata") for port in ports_of(verilog, "ffhw_top") if port.endswith("_tdata")]
    endpoints = ", ".join(f"module.{stream}" for stream in streams)
    if "csr" in options:
        endpoints += ", *(getattr(module.bus, channel) for channel in ('aw', 'w', 'b', 'ar', 'r'))"
    command = [sys.executable, "-c", BUILD.format(endpoints=endpoints), bundle.path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.split()]
    assert all(path.is_file() for path in paths)
    assert {path.name for path in paths if path.suffix == ".mem"} == {p.name for p in bundle.rtl.glob("*.mem")}
    sources = [path for path in paths if path.suffix == ".v"]
    command = ["iverilog", "-g2012", "-Wall", "-s", "around", "-o", "around", "around.v", *sources]
    compiled = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert compiled.returncode == 0, compiled.stderr
    told = [line for line in compiled.stderr.splitlines() if line.startswith("around.v")]
    # a port that is missing, floating or of another width
    assert not [line for line in told if "port" in line or "floating" in line]
