"""Every runtime against the golden model, code for code: kinds, widths, lengths, states, single steps."""

from __future__ import annotations

import numpy as np
import pytest
from map_networks import CELLS as OVER_MAPS
from map_networks import random_map_network
from networks import CELLS, random_chain, random_network
from runtimes import CHAINS, assert_equal

from ffhw.backends.run import RUNTIMES, check_equal, open_backend
from ffhw.errors import InputError, MismatchError
from ffhw.layers import KINDS
from ffhw.layers.jk import JKLayer
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Unorm

EVERY = pytest.mark.parametrize("name", RUNTIMES)


def test_chains_hold_every_kind():
    parts = [layer for kinds in CHAINS for layer in random_chain(1, kinds).layers]
    maps = {*OVER_MAPS, "convolution_3d", "map_pooling"}
    assert {layer.kind for layer in parts} == set(KINDS) - maps


# compiled or not, TensorFlow's rules are the same: some chains are enough
@pytest.mark.parametrize(("name", "number"), [
    (name, number) for name in RUNTIMES for number in range(0, len(CHAINS), 1 + 3 * (name == "tensorflow-xla"))
])  # fmt: skip
def test_every_kind_equals_the_golden_model(name, number, rng):
    network = random_chain(number, CHAINS[number], bits=(8, 4, 5)[number % 3])
    assert_equal(open_backend(name, network), rng)


@pytest.mark.parametrize("cell", OVER_MAPS)
@pytest.mark.parametrize("name", ["onnx", "tensorflow", "jax"])
def test_layers_over_maps_equal_the_golden_model(name, cell, rng):
    assert_equal(open_backend(name, random_map_network(3, "cbr", cell)), rng)
    assert_equal(open_backend(name, random_map_network(3, "lpd", cell)), rng)


def test_c_has_no_maps_yet():
    with pytest.raises(InputError, match="is of kind conv_jk, for which there is no C code"):
        open_backend("native", random_map_network(3, "r"))


@EVERY
@pytest.mark.parametrize("bits", [1, 16])
def test_narrowest_and_widest_codes_equal_the_golden_model(name, bits, rng):
    assert_equal(open_backend(name, random_chain(5, "jgd", bits=bits)), rng)


@EVERY
@pytest.mark.parametrize("weights", ["ternary", pytest.param("binary", marks=pytest.mark.long)])
def test_weights_of_few_codes_equal_the_golden_model(name, weights, rng):
    assert_equal(open_backend(name, random_chain(5, "kjmd", bits=4, weights=weights)), rng)


@EVERY
def test_what_exceeds_32_bits_is_widened(name):
    """Accumulators over 2^31 that a type of 32 bits would wrap around to the other end."""
    rng = np.random.default_rng(2)
    n = 8
    layer = JKLayer(
        "jk", Fixed(16, 15), Unorm(16), 16, 15, 15,
        np.full((2, n, 6), 32767), rng.choice([-32768, 32767], (2, n, n)), np.zeros((2, n), int),
    )  # fmt: skip
    network = Network("wide", (layer,))
    assert layer.acc_bound > 1 << 32
    assert network.integer_bits == 64
    codes = np.full((2, 9, 6), 32767)
    check_equal(name, open_backend(name, network).run(codes).outputs, golden.run(network, codes).outputs)


@EVERY
def test_extreme_codes_do_not_saturate_inside(name, rng):
    """The case in which 8-bit products of unsigned and signed numbers overflow on some processors."""
    n = 64
    layer = JKLayer(
        "jk", Fixed(8, 7), Unorm(8), 8, 7, 7,
        rng.choice([-128, 127], (2, n, 4)), rng.choice([-128, 127], (2, n, n)), np.zeros((2, n), int),
    )  # fmt: skip
    network = Network("extreme", (layer,))
    codes = rng.choice([-128, 127], (3, 30, 4))
    check_equal(name, open_backend(name, network).run(codes).outputs, golden.run(network, codes).outputs)


@pytest.mark.parametrize("name", ["golden", *RUNTIMES])
@pytest.mark.parametrize("every_step", [True, False])
def test_a_step_at_a_time_equals_the_whole_sequence(name, every_step, rng):
    network = random_network(4, units=(5, 3), bits=6, cell="lstm", return_sequences=every_step)
    codes = rng.integers(-32, 31, (2, 7, 3))
    stream = open_backend(name, network).stream(batch=2)
    for attempt in range(2):
        answers = [stream.step(codes[:, t]) for t in range(7)]
        for t, answer in enumerate(answers):
            whole = golden.run(network, codes[:, : t + 1]).outputs
            check_equal(f"{name}, attempt {attempt}", answer, whole[:, -1] if every_step else whole)
        stream.reset()


@pytest.mark.parametrize(("kinds", "layer"), [("jy", "y_1"), ("vj", "v_0"), ("qj", "q_0"), ("jB", "B_1")])
def test_what_cannot_be_given_by_steps_is_refused_by_name(kinds, layer):
    with pytest.raises(InputError, match=f"layer '{layer}' .* give whole sequences"):
        open_backend("golden", random_chain(1, kinds, taps=2)).stream()


def test_wrong_states_and_steps_are_refused():
    backend = open_backend("golden", random_network(1, units=(5,), bits=4))
    codes = np.zeros((1, 2, 3), int)
    for states, message in (
        ({"jk_0": np.zeros((2, 5), int)}, r"state of 'jk_0' must have shape \[1, 5\], not \[2, 5\]"),
        ({"jk_0": np.full((1, 5), 16)}, "must be from 0 to 15"),
        ({"jk_0": np.zeros((1, 5))}, "must be integers"),
        ({"jk_1": np.zeros((1, 5), int)}, "no layer with a state is named 'jk_1'"),
    ):
        with pytest.raises(InputError, match=message):
            backend.run(codes, states=states)
    with pytest.raises(InputError, match=r"a step must have shape \[1, 3\], not \[2, 3\]"):
        backend.stream().step(np.zeros((2, 3), int))
    with pytest.raises(InputError, match="--backend must be one of golden, onnx,"):
        open_backend("quantum", backend.network)


def test_the_first_difference_is_named():
    expected = np.zeros((2, 3, 4), int)
    outputs = expected.copy()
    outputs[1, 2, 3], outputs[1, 2, 1] = 7, 5
    message = "odd differs from the golden model in 2 of 24 codes, first at sequence 1, step 2, unit 1: 5 instead of 0"
    with pytest.raises(MismatchError, match=message):
        check_equal("odd", outputs, expected)
    with pytest.raises(MismatchError, match=r"gives outputs \[2, 3\], the golden model \[2, 3, 4\]"):
        check_equal("odd", outputs[..., 0], expected)


def test_jax_refuses_to_wrap_where_it_has_no_64_bits():
    import jax

    backend = open_backend("jax", random_network(1, units=(5,), bits=16))
    given = [np.zeros((1, 2, 3), np.int32), np.full(1, 2, np.int32), np.zeros((1, 5), np.int32)]
    with pytest.raises(InputError, match="need 64 bits"):
        backend.function(*given)
    with jax.enable_x64(True):
        assert backend.function(*given)[0].shape == (1, 2, 2)


def test_numbers_that_fit_no_integer_are_refused():
    network = random_network(1, units=(3,), bits=16, cell="lstm")
    (lstm, dense) = network.layers
    far = Network("far", (type(lstm)(**{**lstm.__dict__, "cell": Fixed(16, -24)}), dense))
    for name in RUNTIMES:
        with pytest.raises(InputError, match=r"layer 'lstm_0': numbers reach .* over 64 bits: use fewer bits"):
            open_backend(name, far)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(50))
def test_a_thousand_random_networks(block):
    """Twenty networks a block: kinds, widths 1 to 16, stacked, both directions, ragged."""
    letters = "ejlkvdrsypqbB" + "".join(CELLS) + "".join(CELLS).upper()
    for seed in range(20 * block, 20 * block + 20):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 5))
        kinds = str(rng.choice(list(letters)))
        while len(kinds) < count:
            # behind a layer that answers once a sequence there are no sequences
            once = any(kind.isupper() or kind in "lyp" for kind in kinds)
            kinds += "d" if once else str(rng.choice(list(letters.replace("e", ""))))
        network = random_chain(seed, kinds, bits=int(rng.integers(1, 17)), largest=9)
        for name in RUNTIMES:
            assert_equal(open_backend(name, network), np.random.default_rng(seed))
