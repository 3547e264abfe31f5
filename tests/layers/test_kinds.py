"""Kind x concern: each kind of layer has a rule for each concern, or a refusal that names both."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import numpy as np
import pytest
from map_networks import CELLS as OVER_MAPS
from map_networks import random_map_network
from networks import CELLS, random_chain, random_network

from ffhw.errors import InputError
from ffhw.hdl.plan.styles import engine_of, plan_of
from ffhw.layers import KINDS, READ, of_numbers, rule
from ffhw.layers.base import FloatLayer, Layer

ROOT = Path(__file__).parent.parent.parent / "ffhw"
# Concerns outside the layers' own files: folder of the rules, what it is called, the name that each rule must have.
CONCERNS = [
    ("ffhw.onnx", "ONNX graph", "nodes"),
    ("ffhw.onnx.floats", "float ONNX graph", "nodes"),
    ("ffhw.native", "C code", "code"),
    ("ffhw.hdl.engines", "hardware", "engine"),
    ("ffhw.hdl.engines.plans", "hardware", "PLAN"),
]
# Kinds over maps end at the golden model and at graphs; every other concern refuses them by name.
MAPS = (*OVER_MAPS, "convolution_3d", "map_pooling")
FLOAT = ("input_size", "output_size", "forward", "quantize")
QUANTIZED = ("input_size", "output_size", "run", "arrays")


class Stranger(Layer):
    """Of a kind that nobody knows."""

    kind = "stranger"
    name = "odd"


STRANGE = "layer 'odd' is of kind stranger, for which there is no"


@pytest.fixture(scope="module")
def examples():
    """A quantized layer of each kind."""
    chain = random_chain(1, "ekqbjyd")
    cells = [random_network(1, inputs=3, units=(4,), cell=cell) for cell in CELLS.values()]
    maps = [random_map_network(1, "rcp", cell) for cell in OVER_MAPS]
    found = {layer.kind: layer for network in (chain, *cells, *maps) for layer in network.layers}
    assert set(found) == set(KINDS), "a kind without an example here is a hole in this table"
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("package", "concern", "name"), CONCERNS)
def test_each_concern_has_a_rule(examples, kind, package, concern, name):
    if kind in MAPS and not package.startswith("ffhw.onnx"):
        with pytest.raises(InputError, match=rf"is of kind {kind}, for which there is no {concern}$"):
            rule(package, concern, examples[kind])
        return
    assert callable(getattr(rule(package, concern, examples[kind]), name))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_answers_what_drivers_ask(kind):
    trained, quantized = KINDS[kind]
    assert trained.kind == quantized.kind == kind
    for base, cls, names in ((FloatLayer, trained, FLOAT), (Layer, quantized, QUANTIZED)):
        for name in names:
            assert getattr(cls, name) is not getattr(base, name, None), f"{cls.__name__} inherits {name}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_from_keras(kind):
    module = importlib.import_module(f"ffhw.layers.{kind}")
    # a reversal has no Keras class: it is what `go_backwards` of any recurrent layer puts in front of it; both kinds of
    # GRU have one
    assert bool(module.KERAS) == (kind not in ("reversal", "gru_reset_before"))
    assert all(READ[known.name] is known for known in module.KERAS)


@pytest.mark.parametrize(("package", "concern", "name"), CONCERNS)
def test_a_kind_without_a_rule_is_refused_by_kind_and_concern(package, concern, name):
    with pytest.raises(InputError, match=rf"^{STRANGE} {concern}$"):
        rule(package, concern, Stranger())


def test_a_kind_that_cannot_train_on_integers_is_refused():
    from ffhw.training.qat.layer import run_of

    with pytest.raises(InputError, match=rf"^{STRANGE} training on integers$"):
        run_of(Stranger())


def test_each_kind_gives_codes_of_its_format(examples, rng):
    for layer in examples.values():
        x = rng.integers(layer.input.min, layer.input.max, (2, 3, layer.input_size), endpoint=True)
        start = np.zeros((2, layer.state_size), np.int64)
        given = layer.run(x, np.full(2, 3), start, trace=True)
        layer.output.check(given.outputs)
        assert given.outputs.shape == (2, layer.rhythm.steps(3), layer.output_size)
        assert tuple(given.trace or ()) == layer.signals
        assert (given.state is None) == (layer.state_size == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_knows_what_its_codes_are_the_codes_of(examples, kind):
    """What training on integers rests on: numbers on the arrays' grids, and the float layer that has them."""
    layer = examples[kind]
    stored = layer.stored()
    assert layer.grids.keys() == stored.keys()
    numbers = {name: layer.grids[name].dequantize(codes) for name, codes in stored.items()}
    again = of_numbers(layer, numbers)
    assert again.kind == kind
    assert again.input_size == layer.input_size
    found = again.numbers(layer)
    assert found.keys() == stored.keys()
    for name, codes in stored.items():
        assert np.array_equal(layer.grids[name].quantize(found[name]), codes), name


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_trains_on_integers(examples, kind):
    from ffhw.training.qat.layer import run_of

    if kind in MAPS:
        with pytest.raises(InputError, match=rf"is of kind {kind}, for which there is no training on integers$"):
            run_of(examples[kind])
        return
    assert callable(run_of(examples[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_gates_or_is_refused(examples, kind):
    if kind in ("jk", "sr", "toggle", "dense"):
        assert callable(engine_of(examples[kind], "gates"))
        assert plan_of(examples[kind], "gates").stages
        return
    for found in (engine_of, plan_of):
        with pytest.raises(InputError, match=rf"is of kind {kind}, for which there is no hardware of --style gates$"):
            found(examples[kind], "gates")


# Files of these names are drivers in their rooms.
SHARED = ("export", "graph", "source", "weighted", "base", "model", "operators", "walk", "values", "file", "integers")
OWN_ROOMS = ("layers/", "onnx/", "native/", "reading/onnx/", "hdl/engines/", "training/")


def test_no_driver_knows_a_kind():
    """Drivers neither import a kind's module nor ask whether a layer is of a kind."""
    names = {cls.__name__ for pair in KINDS.values() for cls in pair}
    for path in sorted(ROOT.rglob("*.py")):
        where = str(path.relative_to(ROOT))
        own = where.startswith(OWN_ROOMS) and Path(where).stem not in SHARED
        if own or where == "layers/__init__.py":
            continue
        tree = ast.parse(path.read_text())
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & names
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & names
        if where != "report/style.py" and not where.startswith("cli/"):  # cells that are trained, by name
            # a JK flip-flop's fourth mode is called toggle as well
            kinds = set(KINDS) - ({"toggle"} if where == "report/network_figures.py" else set())
            used |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & kinds
        assert not used, f"{where} knows {used}"
