"""Designs with names of their own: two of them in one project, and each simulated like any other."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest
from networks import random_network

from ffhw.backends.run import compare, run
from ffhw.bundle import write_bundle
from ffhw.export import bundle_files
from ffhw.hdl.plan.chain import fold
from ffhw.model.data import Data
from ffhw.sim.check import Check, simulate

# a double underscore is Verilator's own way of writing names in C++; `module` is a keyword, `module_top` is none
PREFIXES = ("module", "_right__2")
INSTANCE = "  {0}_top {0}_(.clk(clk), .rst(rst), .s_axis_tvalid(1'b0), .s_axis_tlast(1'b0), .m_axis_tready(1'b1));\n"
PROJECT = "module project(input clk, input rst);\n{}endmodule\n"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prefix")
    network = random_network(1, inputs=3, units=(4,), outputs=2, bits=4)
    data = Data(np.random.default_rng(2).normal(size=(8, 20, 3)), np.full(8, 20))
    return [
        write_bundle(folder / prefix, bundle_files(network, fold(network, 2, 1), data, prefix=prefix))
        for prefix in PREFIXES
    ]


@pytest.mark.simulation
def test_two_designs_make_one_project(bundles, tmp_path, icarus):
    """One simulator takes all files from one folder: no name is there twice, and every memory file is found."""
    for bundle in bundles:
        for path in bundle.rtl.iterdir():
            assert not (tmp_path / path.name).exists()
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "project.v").write_text(PROJECT.format("".join(map(INSTANCE.format, PREFIXES))))
    sources = sorted(path.name for path in tmp_path.glob("*.v"))
    build = ["iverilog", "-g2005", "-s", "project", "-o", "project", *sources]
    for command in (build, ["vvp", "-n", "project"]):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        # Icarus warns of every use of $readmemb that a standard of 1995 would have read otherwise
        said = [line for line in (done.stdout + done.stderr).splitlines() if "Standard inconsistency" not in line]
        assert (done.returncode, said) == (0, [])


def class_of(prefix):
    return "".join(part.capitalize() for part in f"{prefix}_top".split("_")).encode()


def test_nothing_but_names_differs(bundles):
    left, right = (
        {
            # the LiteX module is a class, named as classes are
            name.replace(prefix, ""): content.replace(f"{prefix}_".encode(), b"").replace(class_of(prefix), b"Top")
            for name, content in bundle.files.items()
        }
        for prefix, bundle in zip(PREFIXES, bundles, strict=True)
    )
    assert left == right


@pytest.mark.long
@pytest.mark.simulation
def test_every_driver_finds_the_top_module(bundles, icarus):
    for number, check in enumerate((Check(), Check(simulator=icarus, internals=True))):
        assert simulate(bundles[number].path, check)["compared"] >= 1000
    vectors = bundles[1].vectors()
    codes, lengths = vectors["codes"], vectors["lengths"]
    compare(bundles[1], "rtl", codes, lengths, run(bundles[1], "rtl", codes, lengths))
