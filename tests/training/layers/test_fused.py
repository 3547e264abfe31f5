"""The fused kernels equal the cell step by step, states and gradients; a GPU's are interpreted, and lower for it."""

from __future__ import annotations

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import on_backend
from plain_scan import arrays, by_kernel, by_processor, states_and_gradients, step_by_step

from ffhw.errors import ToolError
from ffhw.training.layers import fused
from ffhw.training.layers.fused import one_block, processor, several_blocks
from ffhw.training.layers.jk import JK, JKCell
from ffhw.training.layers.sr import SRCell
from ffhw.training.layers.toggle import ToggleCell

STEPS = 6
CELLS = {"jk": JKCell(1), "toggle": ToggleCell(1), "sr-hold": SRCell(1, both="hold")}


@pytest.mark.parametrize(
    ("kind", "batch", "units", "options"),
    [
        ("jk", 4, 5, "bias"),
        ("jk", 17, 20, "mask"),
        # sixteen tiles of units that wait for each other, nine of them filled; backward eight and five
        ("jk", 3, 140, "mask bias"),
        ("toggle", 17, 140, "bias"),
        ("toggle", 3, 70, "mask bias"),
        ("toggle", 4, 5, "mask bias"),
        ("sr-hold", 4, 5, "mask bias"),
    ],
)
def test_states_and_gradients_are_those_of_the_cell(kind, batch, units, options, rng):
    cell = CELLS[kind]
    given = arrays(rng, cell, STEPS, batch, units)
    mask = jnp.asarray(rng.random((STEPS, batch, 1)) > 0.3) if "mask" in options else None
    given[4] = given[4] if "bias" in options else None
    # an error at every step, unlike at each
    error = jnp.asarray(rng.normal(size=(STEPS, batch, units)), jnp.float32)
    states, *slopes = states_and_gradients(by_kernel, cell, given, mask, error)
    expected, *gradients = states_and_gradients(step_by_step, cell, given, mask, error)
    # sums in another order: the last bits of float32, of sums of up to 140 terms and 17 sequences
    np.testing.assert_allclose(states, expected, atol=1e-6)
    for ours, theirs in zip(slopes, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-6)


@pytest.mark.parametrize(
    ("kind", "batch", "units", "inputs", "options"),
    [
        ("jk", 1, 1, 1, ""),
        ("jk", 4, 5, 3, "bias"),
        # of several threads; panels of 16 units, the last one not full; blocks of all sizes of sequences and inputs
        ("jk", 41, 37, 17, "mask bias"),
        ("jk", 200, 16, 30, "mask bias"),
        ("toggle", 17, 70, 12, "bias"),
        ("sr-hold", 13, 16, 4, "mask bias"),
    ],
)
def test_the_kernel_of_a_processor_is_the_cell(kind, batch, units, inputs, options, rng):
    cell = CELLS[kind]
    given = arrays(rng, cell, STEPS, batch, units, inputs, recurrent=0.5 * min(1, (16 / units) ** 0.5))
    mask = jnp.asarray(rng.random((STEPS, batch, 1)) > 0.3) if "mask" in options else None
    given[4] = given[4] if "bias" in options else None
    error = jnp.asarray(rng.normal(size=(STEPS, batch, units)), jnp.float32)
    ours = states_and_gradients(by_processor, cell, given, mask, error)
    theirs = states_and_gradients(step_by_step, cell, given, mask, error)
    for found, expected in zip(ours, theirs, strict=True):
        # sums in another order, a sigmoid of its own
        assert jnp.linalg.norm(found - expected) < 2e-6 * jnp.linalg.norm(expected)
    np.testing.assert_allclose(by_processor(cell, *given, mask), theirs[0], atol=1e-6)


def test_gates_of_a_processor_saturate(rng):
    """Sums of hundreds: gates are 0 and 1, and no number is lost on the way."""
    cell, steps = CELLS["jk"], 3
    sums = jnp.asarray([-1e30, -500.0, -88.0, -20.0, -1e-6, 0.0, 1e-6, 20.0, 88.0, 500.0, 1e30], jnp.float32)
    given = [jnp.ones((steps, 1, 1)), jnp.full((1, 11), 0.5), jnp.tile(sums, 2)[None], jnp.zeros((11, 22)), None]
    np.testing.assert_allclose(by_processor(cell, *given, None), step_by_step(cell, *given, None), atol=1e-7)


def test_without_a_compiler_the_layer_takes_its_loop(monkeypatch):
    monkeypatch.setattr(processor.shutil, "which", lambda name: None)
    assert not fused.holds(5, 4, 2)
    with pytest.raises(ToolError, match=r"^a C\+\+ compiler is missing: apt-get install g\+\+$"):
        processor._registered("not seen before")


def test_a_compiler_that_fails_says_why():
    with pytest.raises(ToolError, match=r"^compiling the fused kernel failed: .*nonsense"):
        processor._registered("nonsense")


def test_inference_writes_states_alone(rng):
    cell = CELLS["jk"]
    given = arrays(rng, cell, STEPS, 4, 5)
    np.testing.assert_allclose(by_kernel(cell, *given, None), step_by_step(cell, *given, None), atol=1e-6)
    # states, not all gates, tensor<6x4x2x16xf32>, which training keeps
    (call,) = kernels(lambda *given: fused.states(cell.update, cell.slopes, 2, *given, interpret=False), given)
    assert call.endswith("-> tensor<6x4x16xf32>")


def kernels(function, given):
    """The calls of kernels in a function lowered for a GPU that is not there; nothing here compiles or runs them."""
    unstable = jax.export.DisabledSafetyCheck.custom_call("__gpu$xla.gpu.triton")
    lowered = jax.export.export(jax.jit(function), platforms=["cuda"], disabled_checks=[unstable])
    text = lowered(*given).mlir_module()
    # no loop of the host around them
    assert "stablehlo.while" not in text
    return [line.partition(" loc(")[0] for line in text.splitlines() if "custom_call @__gpu$xla.gpu.triton" in line]


@pytest.mark.parametrize(("units", "batch"), [(10, 16), (64, 300), (128, 16), (256, 16), (256, 256)])
def test_both_kernels_lower_for_a_gpu_that_is_not_there(units, batch):
    """To Triton's intermediate language."""
    cell = CELLS["jk"]
    shapes = [(300, batch, 30), (batch, units), (30, 2 * units), (units, 2 * units), (2 * units,)]
    given = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]

    def loss(*given):
        states = fused.states(cell.update, cell.slopes, 2, *given, interpret=False)
        return (states**2).sum()

    # one program for all steps forward, one backward
    assert len(kernels(jax.grad(loss, range(5)), given)) == 2


@pytest.mark.parametrize("gates", [1, 2])
@pytest.mark.parametrize("batch", [1, 16, 250, 1000, 5000])
def test_blocks_that_wait_for_each_other_run_at_once(batch, gates):
    """On an H100's 132 multiprocessors; a block that never begins would be waited for without end."""
    assert several_blocks.tile_of(257, batch, gates) is None
    tile = several_blocks.tile_of(256, batch, gates)
    assert (tile is None) == (batch > 256)
    # backward 32
    assert all(256 // wide * -(-batch // 16) <= 132 for wide in (tile, 32) if tile)


@pytest.mark.parametrize("gates", [1, 2])
@pytest.mark.parametrize("units", [1, 64, 65, 128, 129, 200, 256, 257])
@pytest.mark.parametrize("batch", [1, 16, 250, 5000])
def test_which_sizes_have_a_kernel_on_a_gpu(units, batch, gates):
    """Weights in the registers of one block: at most 128 in each of 256 threads; of several blocks: see above."""
    assert fused.a_gpu_holds(units, batch, gates) == (units <= 128 or (units <= 256 and batch <= 256))
    assert not one_block.holds(units, gates) or gates * units**2 <= 256 * 128


def test_what_the_kernel_cannot_take_is_refused(rng):
    cell = CELLS["jk"]
    with pytest.raises(ValueError, match=r"^one kernel does not hold 257 units of 2 sequences; use implementation="):
        by_kernel(cell, *arrays(rng, cell, STEPS, 2, 257), None)
    halves = [part.astype(jnp.bfloat16) for part in arrays(rng, cell, STEPS, 2, 4)]
    with pytest.raises(ValueError, match=r"^the fused kernel takes float32, not bfloat16 and bfloat16$"):
        by_kernel(cell, *halves, None)
    with pytest.raises(ValueError, match=r"^implementation must be 'loop', 'fused', 'auto' or 'parallel', not 'fast'$"):
        JK(3, implementation="fast")
    for options in ({"recurrent_dropout": 0.1}, {"recurrent_gates": False}):
        with pytest.raises(
            ValueError, match=r"^implementation='fused' needs recurrent_gates, and takes no recurrent_dr"
        ):
            JK(3, implementation="fused", **options)


# The layer on Keras' JAX backend, a process of its own: Keras' backend is chosen once.
LAYERS = """
import keras, numpy as np
from ffhw.training.layers.jk import JK

rng = np.random.default_rng(1)
x = rng.normal(size=(4, 6, 3)).astype("float32")
x[0, 4:] = x[1, :2] = 0.0  # padding behind and before

def answers(implementation, **options):
    inputs = keras.Input((6, 3))
    hidden = keras.layers.Masking()(inputs)
    hidden = keras.layers.Bidirectional(JK(5, implementation=implementation, return_sequences=True))(hidden)
    hidden = JK(4, implementation=implementation, go_backwards=True, return_state=True)(
        hidden, initial_state=[keras.ops.sigmoid(inputs[:, 0, :1] * np.ones((1, 4), "float32"))])
    model = keras.Model(inputs, keras.layers.concatenate(hidden))
    weights = np.random.default_rng(2)
    model.set_weights([weights.normal(0, 0.5, w.shape) for w in model.get_weights()])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    before = model.predict(x, verbose=0)
    model.train_on_batch(x, np.full_like(before, 0.3))
    return [before, *model.get_weights()]

for ours, theirs in zip(answers("fused"), answers("loop"), strict=True):
    np.testing.assert_allclose(ours, theirs, atol=2e-6)
layer = JK.from_config(JK(5, implementation="fused").get_config())
assert layer.implementation == "fused"
program = lambda layer: str(__import__("jax").make_jaxpr(lambda x: layer(x))(x))
assert "ffi_call" not in program(JK(5))
print("ffi_call" in program(layer))
"""


@pytest.mark.training
def test_the_layer_answers_and_learns_as_its_loop_does():
    assert on_backend("jax", "-c", LAYERS).splitlines()[-1] == "True"


# Keras' backend is chosen once: a process of its own. Prints which layers took the kernel.
AUTO = """
import sys
import keras, numpy as np
from ffhw.training.layers import fused
from ffhw.training.layers.jk import JK
from ffhw.training.networks.one_layer import build_model
from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.tasks import TASKS

asked, states = [], fused.states
fused.states = lambda *given: asked.append(given[3].shape) or states(*given)
x = np.random.default_rng(1).normal(size=(4, 9, 3)).astype("float32")
for options in ({}, {"closing": True}, {"recurrent_gates": False}, {"cell": "toggle"}):
    model = build_model(TASKS["flipflop3"], RecurrentOptions(units=5, **options), 3)
    assert model.layers[0].implementation == "auto"
    before = len(asked)
    found = model(x)
    print(len(asked) > before, end=" ")
    model.layers[0].implementation = "loop"
    np.testing.assert_allclose(found, model(x), atol=2e-6)
half = JK(5, implementation="auto", dtype="mixed_float16")
before = len(asked)
half(x.astype("float16"))
print(len(asked) > before)
"""


@pytest.mark.training
def test_where_nobody_asks_the_kernel_is_taken_if_it_can_be(tmp_path, monkeypatch):
    assert on_backend("jax", "-c", AUTO).splitlines()[-1] == "True False False True False"
    # a compiler that fails is none
    (tmp_path / "g++").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert on_backend("jax", "-c", AUTO).splitlines()[-1] == "False False False False False"
