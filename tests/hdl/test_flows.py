from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import random_network

from ffhw.bundle import write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.flows import flow_files
from ffhw.hdl.plan.chain import fold
from ffhw.model.data import Data


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    network = random_network(1, inputs=3, units=(5,), outputs=2, bits=6)
    data = Data(np.zeros((8, 4, 3)), np.full(8, 4))
    files = bundle_files(network, fold(network, 1, 1), data, prefix="mine")
    return write_bundle(tmp_path_factory.mktemp("flows") / "build", files)


def test_the_core_file_lists_what_is_there(bundle):
    text = (bundle.path / "mine_top.core").read_text()
    listed = re.findall(r"- ([\w./-]+): ", text)
    assert sorted(listed) == sorted([*(f"rtl/{path.name}" for path in bundle.rtl.iterdir()), "mine_top.sdc"])
    for memory in re.findall(r'readmemb\("([^"]+)"', (bundle.rtl / "mine_top.v").read_text()):
        assert f"copyto: {memory}}}" in text


@pytest.mark.simulation
def test_fusesoc_builds_it(bundle, tmp_path):
    """Icarus compiles the design where FuseSoC puts its files, and its memories are where the design reads them."""
    command = [Path(sys.executable).parent / "fusesoc", "--cores-root", bundle.path, "run", "--build-root", "work"]
    command += ["--tool", "icarus", "--setup", "--build", "ffhw:designs:mine_top"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (built,) = (tmp_path / "work").rglob("*.eda.yml")
    assert {path.name for path in built.parent.glob("*.mem")} == {path.name for path in bundle.rtl.glob("*.mem")}


def test_constraints_are_those_of_the_clock():
    text = flow_files("top", ["top.v"], 40.0)["top.sdc"]
    assert "create_clock -name clk -period 25.000 [get_ports clk]" in text
    assert text.count(" 6.250 ") == 2
