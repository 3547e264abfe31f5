"""The loop by hand equals the cell step by step under the backend's own differentiation: answers and every gradient."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffhw.training.layers import loop
from ffhw.training.layers.jk import JK
from ffhw.training.layers.sr import BOTH, SR
from ffhw.training.layers.toggle import Toggle

BATCH, STEPS, INPUTS, UNITS = 4, 6, 3, 5
KINDS = {
    "jk": JK,
    "toggle": Toggle,
    **{f"sr-{both}": lambda *a, both=both, **k: SR(*a, both=both, **k) for both in BOTH},
}


def answers(layer, inner_loop, x, first, mask, training):
    """Output, last state and the gradients of a loss of both by weights, inputs and first state."""
    layer.inner_loop = inner_loop
    # what is dropped is drawn anew
    generator = layer.cell.seed_generator.state
    generator.assign(np.array([3, 0], generator.dtype))
    x, first = tf.constant(x), tf.constant(first)
    with tf.GradientTape() as tape:
        tape.watch([x, first])
        output, last = layer(x, initial_state=[first], mask=mask, training=training)
        weight = tf.reshape(tf.range(tf.size(output), dtype="float32") / 10.0, tf.shape(output))
        loss = tf.reduce_sum(tf.sin(weight) * output) + tf.reduce_sum(last**2)
    return [output, last, *tape.gradient(loss, [*layer.trainable_variables, x, first])]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "masked"),
    [
        ({"return_sequences": True}, False),
        ({"return_sequences": True}, True),
        ({"go_backwards": True}, True),
        ({"recurrent_gates": False, "return_sequences": True}, True),
        ({"recurrent_gates": False, "implementation": "parallel", "return_sequences": True}, True),
        ({"recurrent_gates": False, "implementation": "parallel", "use_bias": False}, False),
        ({"use_bias": False}, False),
        ({"dropout": 0.4, "recurrent_dropout": 0.4, "seed": 3, "return_sequences": True}, True),
    ],
    ids=["plain", "masked", "backwards", "inputs-only", "parallel", "parallel-no-bias", "no-bias", "dropout"],
)
def test_answers_and_gradients_are_those_of_the_cell(kind, options, masked, rng, monkeypatch):
    layer = KINDS[kind](UNITS, return_state=True, **options)
    layer.build((BATCH, STEPS, INPUTS))
    weights = [rng.normal(0, 0.8, w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype("float32")
    first = rng.uniform(size=(BATCH, UNITS)).astype("float32")
    # padding behind, before, between, and a sequence that never counts
    mask = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 1], [1, 0, 1, 0, 1, 0], [0] * 6], bool)
    mask = mask if masked else None
    by_hand = type(layer).inner_loop.__get__(layer)
    by_cell = keras.layers.RNN.inner_loop.__get__(layer)
    # where no gradient was expected it is there all the same
    training = kind != "toggle" or "dropout" in options
    expected = answers(layer, by_cell, x, first, mask, training)
    # the inputs' product in the loop and before it
    for hoisted in (INPUTS + 1, INPUTS):
        monkeypatch.setattr(loop, "HOISTED", hoisted)
        for ours, theirs in zip(answers(layer, by_hand, x, first, mask, training), expected, strict=True):
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=2e-6)


@pytest.mark.parametrize("options", [{}, {"recurrent_gates": False, "implementation": "parallel"}])
def test_a_graph_of_unknown_length_and_batch(options, rng):
    layer = JK(UNITS, return_sequences=True, **options)
    x = rng.normal(size=(BATCH, STEPS, INPUTS)).astype("float32")
    eager = layer(x)
    graph = tf.function(layer, input_signature=[tf.TensorSpec((None, None, INPUTS))])
    np.testing.assert_allclose(graph(x), eager, atol=1e-6)
    np.testing.assert_allclose(graph(x[:2, :3]), eager[:2, :3], atol=1e-6)
    known = tf.function(layer, input_signature=[tf.TensorSpec((None, STEPS, INPUTS))]).get_concrete_function()
    assert known.structured_outputs.shape == (None, STEPS, UNITS)
    compiled = tf.function(layer, jit_compile=True)
    np.testing.assert_allclose(compiled(x), eager, atol=1e-6)


def test_the_weights_gradient_is_one_product_after_the_loop():
    """Added up inside the loop it makes compiled training several times slower."""
    layer = JK(UNITS)
    layer.build((BATCH, STEPS, INPUTS))
    kernel = layer.cell.recurrent_kernel

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True))
        return tape.gradient(loss, kernel)

    graph = gradient.get_concrete_function(tf.TensorSpec((BATCH, STEPS, INPUTS))).graph
    loops = [
        f for f in graph.as_graph_def().library.function if "while" in f.signature.name and "body" in f.signature.name
    ]
    # forward: W_x x and W_h h; backward: W_h^T dz
    assert sorted(sum(n.op == "MatMul" for n in f.node_def) for f in loops) == [1, 2]
