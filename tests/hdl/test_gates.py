"""Networks of flip-flops and gates: every code, a step a cycle, no weight in a memory."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pytest
from amaranth.hdl import Module, Signal, signed, unsigned
from amaranth.sim import Simulator
from bundles import bundle_of
from harness import expected_outputs, simulate
from networks import random_cell, random_chain, random_codes, random_dense, random_network
from sealed import reseal

from ffhw.bundle import Bundle
from ffhw.errors import DigestError, FitError, InputError
from ffhw.export import Options, export, generate
from ffhw.hdl.datapath.bit_sum import bit_sum, weighted_bits
from ffhw.hdl.design import Design
from ffhw.hdl.plan.chain import fold, plans
from ffhw.hdl.plan.choose import choose, needs
from ffhw.hdl.plan.devices import HX1K, UP5K
from ffhw.hdl.plan.gates import summed_bits
from ffhw.hdl.plan.performance import predict
from ffhw.layers.base import Layer
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed
from ffhw.numbers.scales import Widths
from ffhw.sim.check import Check
from ffhw.sim.check import simulate as simulate_bundle


def one_bit(seed, cell, weights, activation="linear", every_step=True, input_bits=3, outputs=3, **options):
    """Two layers of flip-flops and a dense one, behind inputs of a few bits."""
    rng = np.random.default_rng(seed)
    source = Fixed(input_bits, input_bits - 2)
    layers: list[Layer] = [random_cell(rng, cell, "first", source, 6, 4, 1, weights, **options)]
    own = {"return_sequences": every_step, **options}
    layers.append(random_cell(rng, cell, "second", layers[0].output, 5, 6, 1, weights, **own))
    layers.append(random_dense(rng, "dense", layers[1].output, outputs, 5, 4, activation, weights))
    return Network("gates", tuple(layers))


@pytest.mark.parametrize(
    ("cell", "weights", "activation", "options"),
    [
        ("jk", "binary", "argmax", {}),
        ("jk", "ternary", "sigmoid", {}),
        ("jk", 2, "relu", {}),
        ("toggle", "ternary", "linear", {}),
        ("sr", "binary", "linear", {"both": "set"}),
        ("sr", "ternary", "argmax", {"both": "reset"}),
        ("sr", 4, "linear", {"both": "hold"}),
        ("jk-inputs", 2, "linear", {}),
        ("jk-closing", 2, "linear", {}),
    ],
)
def test_every_code_and_every_cycle(cell, weights, activation, options, rng):
    network = one_bit(2, cell, weights, activation, every_step=activation != "argmax", **options)
    foldings = fold(network, 1, 1, "gates")
    predicted = predict(network, foldings)
    assert (predicted.cycles_per_step, predicted.multipliers) == (1, 0)
    (lone,) = random_codes(network, rng, [1])
    run = simulate(Design(network=network, foldings=foldings), [lone])
    assert run.given[-1] - run.sent[0] == predicted.latency_cycles
    sequences = random_codes(network, rng, [9, 1, 20])
    expected = [e.tolist() for e in expected_outputs(network, sequences)]
    for stalls in (0.0, 0.4):
        run = simulate(Design(network=network, foldings=foldings), sequences, stalls=stalls)
        assert [o.tolist() for o in run.outputs] == expected
        if not stalls:
            assert set(np.diff(run.sent)) == {1}


def test_the_first_of_equal_sums_is_the_class(rng):
    network = one_bit(5, "jk", "ternary", "argmax", outputs=5)
    *front, dense = network.layers
    twins = dataclasses.replace(dense, weights=dense.weights[[0, 1, 1, 0, 1]], bias=np.zeros(5, int))
    network = Network("twins", (*front, twins))
    sequences = random_codes(network, rng, [40])
    run = simulate(Design(network=network, foldings=fold(network, 1, 1, "gates")), sequences)
    assert [o.tolist() for o in run.outputs] == [e.tolist() for e in expected_outputs(network, sequences)]
    assert {int(o[0]) for o in run.outputs} == {0, 1}


@pytest.mark.parametrize("shape", [unsigned(1), unsigned(3), signed(1), signed(4)])
def test_sums_of_bits_are_sums_of_products(shape, rng):
    weights = rng.integers(-9, 9, 7)
    low, high = (-(1 << shape.width - 1), 1 << shape.width - 1) if shape.signed else (0, 1 << shape.width)
    codes = rng.integers(low, high, (40, 7))
    m = Module()
    inputs = [Signal(shape, name=f"code_{n}") for n in range(7)]
    result = bit_sum(m, "sum", weighted_bits(inputs, shape, weights), -5, 12)

    async def testbench(ctx):
        for row in codes:
            for signal, code in zip(inputs, row, strict=True):
                ctx.set(signal, int(code))
            assert ctx.get(result) == row @ weights - 5

    simulator = Simulator(m)
    simulator.add_testbench(testbench)
    simulator.run()


def test_no_weight_is_in_a_memory():
    network = one_bit(1, "jk", "ternary")
    files = generate(network, fold(network, 1, 1, "gates"))
    assert list(files) == ["ffhw_top.v"]
    assert not re.search(r"[\w)\]] \* [\w(]", files["ffhw_top.v"])


def test_bits_that_are_added_up():
    """A weight adds the bits of its magnitude that are 1, of each bit of its operand."""
    layer = random_cell(np.random.default_rng(1), "toggle", "toggle", Fixed(3, 1), 2, 2, 1, 4)
    magnitudes = [(abs(int(w)), 3) for w in layer.weights_x.ravel()] + [
        (abs(int(w)), 1) for w in layer.weights_h.ravel()
    ]
    assert summed_bits(layer) == sum(size.bit_count() * bits for size, bits in magnitudes)


def test_needs_are_those_of_logic_alone():
    network = random_network(1, inputs=4, units=(16,), bits=1, weights="binary")
    foldings = choose(network, UP5K, style="gates")
    assert foldings == fold(network, 1, 1, "gates")
    need = needs(network, foldings, UP5K)
    assert (need["multipliers"], need["blocks"]) == (0, 0)
    assert need["luts"] == sum(plan.luts() for plan in plans(network, foldings))
    with pytest.raises(
        FitError, match=r"^no folding fits iCE40 HX1K: a network of gates already takes luts \d+ of 896"
    ):
        choose(network, HX1K, style="gates")


@pytest.mark.parametrize(
    ("kinds", "bits", "message"),
    [
        ("jd", 2, r"^layer 'j_0': --style gates takes states of one bit, not Unorm\(2\): give --state-bits 1$"),
        ("m", 1, r"^layer 'm_0' is of kind lstm, for which there is no hardware of --style gates$"),
        ("jy", 1, r"^layer 'y_1' is of kind pooling, for which there is no hardware of --style gates$"),
    ],
)
def test_what_has_no_gates_is_told(kinds, bits, message):
    with pytest.raises(InputError, match=message):
        fold(random_chain(1, kinds, bits=bits), 1, 1, "gates")


def test_what_is_too_large_is_told():
    network = random_network(1, bits=1, units=(128,), weights=3)
    with pytest.raises(
        InputError, match=r"^layer 'jk_0': its sums add up \d\d,\d{3} bits, --style gates takes 32,768: use"
    ):
        fold(network, 1, 1, "gates")


def test_options_that_only_lanes_have(tmp_path):
    widths = Widths(4, state_bits=1)
    for option, value in (("lanes", 2), ("keep_state", True), ("loadable", True), ("generic_weights", True)):
        with pytest.raises(
            InputError, match=rf"^--{option.replace('_', '-')} cannot be had: with --style gates all un"
        ):
            export(tmp_path / "none.keras", tmp_path / "b", Options(widths, style="gates", **{option: value}))
    with pytest.raises(InputError, match=r"^--style must be lanes or gates, not 'cubes'$"):
        export(tmp_path / "none.keras", tmp_path / "b", Options(widths, style="cubes"))


def test_a_bundle_knows_its_style(tmp_path):
    bundle = bundle_of(tmp_path, one_bit(3, "sr", "binary"), style="gates")
    assert Bundle.open(bundle.path).foldings() == bundle.foldings()
    assert {folding.style for folding in bundle.foldings()} == {"gates"}
    lies = {"cubes": "of one style, not cubes and gates", "lanes": "of one style, not gates and lanes"}
    for style, message in {**lies, 7: "style must be of type str, not int"}.items():

        def lie(path, style=style):
            design = bundle.json("design.json")
            design["foldings"][1]["style"] = style
            (path / "design.json").write_text(json.dumps(design))

        reseal(bundle.path, lie)
        with pytest.raises(DigestError, match=f"contradicts itself: .*{message}"):
            Bundle.open(bundle.path)


@pytest.mark.simulation
def test_the_verilog_computes_the_network(tmp_path):
    """Gates and states inside as well, on a simulator that knows nothing of Amaranth."""
    bundle = bundle_of(tmp_path, one_bit(4, "sr", "ternary", both="hold"), style="gates")
    result = simulate_bundle(bundle.path, Check(every=True, internals=True))
    assert result["compared"] > 200
    assert result["cycles_per_step"] == 1
