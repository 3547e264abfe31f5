"""The golden model is the definition: it is anchored here to hand-worked numbers, to exhaustive checks and to an
independent integer model written without NumPy's help. tests/test_quantize.py holds it against the float network."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from networks import CELLS, random_bidirectional, random_codes, random_network

from ffhw.errors import InputError
from ffhw.layers.bidirectional import MERGES, BidirectionalLayer
from ffhw.layers.dense import DenseLayer, linear
from ffhw.layers.embedding import EmbeddingLayer
from ffhw.layers.flip_flop import state_update
from ffhw.layers.jk import JKLayer
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.reversal import ReversalLayer
from ffhw.layers.sr import BOTH
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.tables import Sigmoid


def every_code(bits):
    codes = np.arange(1 << bits)
    return np.ix_(codes, codes, codes)


@pytest.mark.parametrize("bits", range(1, 8))
def test_state_update_is_the_rounded_quotient(bits):
    j, k, h = every_code(bits)
    top = (1 << bits) - 1
    t = j * (top - h) + (top - k) * h
    # M is odd, so t / M never lies half-way between two codes
    assert np.array_equal(state_update(j, k, h, bits), (2 * t + top) // (2 * top))


def test_state_update_of_all_16_777_216_cases_at_8_bits():
    codes = np.arange(256)
    k, h = np.meshgrid(codes, codes, indexing="ij")
    for j in range(256):
        t = j * (255 - h) + (255 - k) * h
        assert np.array_equal(state_update(j, k, h, 8), (2 * t + 255) // 510)


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8, 12, 16])
def test_state_update_stays_in_range_at_every_corner(bits):
    top = (1 << bits) - 1
    some = [0, 1, top // 2, top // 2 + 1, max(0, top - 1), top]
    for j, k, h in itertools.product(some, repeat=3):
        new = int(state_update(np.int64(j), np.int64(k), np.int64(h), bits))
        assert 0 <= new <= top
        assert new == round((j * (top - h) + (top - k) * h) / top)


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_zero_gates_hold_every_state(bits):
    h = np.arange(1 << bits)
    zero = np.zeros_like(h)
    assert np.array_equal(state_update(zero, zero, h, bits), h)


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_full_gates_reproduce_the_flip_flop_truth_table(bits):
    top = (1 << bits) - 1
    h = np.arange(1 << bits)
    full = np.full_like(h, top)
    zero = np.zeros_like(h)
    assert np.array_equal(state_update(full, zero, h, bits), full)  # set
    assert np.array_equal(state_update(zero, full, h, bits), zero)  # reset
    assert np.array_equal(state_update(full, full, h, bits), top - h)  # toggle


def test_one_bit_cell_is_a_digital_jk_flip_flop():
    j, k, h = every_code(1)
    assert np.array_equal(state_update(j, k, h, 1), (j & ~h | ~k & h) & 1)


def test_hand_worked_cell():
    """One 2-bit unit, one input: every number below was worked out on paper."""
    layer = JKLayer(
        name="jk",
        input=Fixed(3, 1),
        state=Unorm(2),
        weight_bits=3,
        frac_x=1,
        frac_h=0,
        weights_x=np.array([[[3]], [[-2]]]),
        weights_h=np.array([[[-4]], [[1]]]),
        bias=np.array([[2], [-1]]),
    )
    # fraction bits: x product 2, h product 2, index 0; acc = 3 x - 4 h + 2 and -2 x + h - 1; index = acc >> 2
    assert (layer.acc_frac, layer.shift_x, layer.shift_h, layer.gate_shifts) == (2, 0, 0, (2, 2))
    # 2-bit table over [-8, 8): 3 / (1 + exp(-(i + 1/2))) rounded for i = -8 ... 7
    assert Sigmoid(2).full.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3]
    x = np.array([[[3], [3], [-4], [0]]])
    trace = golden.run(Network("n", (layer,)), x, trace=True).traces["jk"]
    # step 1: acc 11, -7 -> index 2, -2 -> J 3, K 1 -> t = 3 * 3 = 9 -> H 3
    # step 2: acc -1, -4 -> index -1, -1 -> J 1, K 1 -> t = 0 + 2 * 3 = 6 -> H 2
    # step 3: acc -18, 9 -> index -5, 2 -> J 0, K 3 -> t = 0 -> H 0
    # step 4: acc 2, -1 -> index 0, -1 -> J 2, K 1 -> t = 2 * 3 = 6 -> H 2
    assert trace.j[0, :, 0].tolist() == [3, 1, 0, 2]
    assert trace.k[0, :, 0].tolist() == [1, 1, 3, 1]
    assert trace.h[0, :, 0].tolist() == [3, 2, 0, 2]


@pytest.mark.parametrize(
    ("acc", "relu", "code"),
    [(7, False, 1), (8, False, 1), (11, False, 1), (12, False, 2), (-4, False, 0), (-5, False, -1), (999, False, 7),
     (-999, False, -8), (-999, True, 0), (20, True, 3)],
)  # fmt: skip
def test_linear_rounds_half_up_and_saturates(acc, relu, code):
    assert linear(np.int64(acc), 3, Fixed(4, 0), relu) == code


def slow_run(network: Network, sequence) -> list[list[int]]:
    """Python integers and loops only; shares nothing with the golden model but the table's values."""
    vectors = [[int(v) for v in step] for step in sequence]
    for layer in network.layers:
        if isinstance(layer, EmbeddingLayer):
            vectors = [[int(v) for v in layer.table[vector[0]]] for vector in vectors]
        elif isinstance(layer, ReversalLayer):
            vectors = vectors[::-1]
        elif isinstance(layer, BidirectionalLayer):
            ahead, back = slow_recurrent(layer.ahead, vectors), slow_recurrent(layer.back, vectors[::-1])
            vectors = [slow_merged(layer, *pair) for pair in zip(ahead, back[::-1], strict=True)]
        elif isinstance(layer, DenseLayer):
            vectors = [slow_dense(layer, vector) for vector in vectors]
        else:
            vectors = slow_recurrent(layer, vectors)
    return vectors


def slow_table(acc: int, shift: int, bits: int, closing: bool = False) -> int:
    index = max(-(2 ** (bits + 1)), min(2 ** (bits + 1) - 1, math.floor(Fraction(acc, 2**shift))))
    reach = 8 if bits <= 10 else 16
    step = 2 * reach / 2 ** (bits + 2)
    gate = 1 / (1 + math.exp(-(index + 0.5) * step))
    if closing:
        gate = min(max(1.04 * gate - 0.02, 0.0), 1.0)
    return math.floor((2**bits - 1) * gate + 0.5)


def slow_tanh(value: Fraction, bits: int) -> int:
    """Code of tanh of a number, which the table knows at the midpoints of its steps."""
    reach = 4 if bits <= 10 else 8
    step = Fraction(2 * reach, 2 ** (bits + 2))
    index = max(-(2 ** (bits + 1)), min(2 ** (bits + 1) - 1, math.floor(value / step)))
    magnitude = 2 ** (bits - 1) * math.tanh(float((abs(index + 0.5)) * step))
    code = min(math.floor(magnitude + 0.5), 2 ** (bits - 1) - 1)
    return code if index >= 0 else -code


def slow_recurrent(layer: RecurrentLayer, vectors):
    """The weighted sums, and each cell by the function below that has its name; h and c are codes.

    Dependent gates multiply what the first gate, a sigmoid, leaves of h.
    """
    n = layer.units
    h, c = [0] * n, [0] * n
    states = []
    for x in vectors:
        new = []
        passed_on = []
        for u in range(n if layer.dependent else 0):
            (r,) = slow_gates(layer, [sum(slow_products(layer, 0, u, x, h)) + int(layer.bias[0, u])])
            passed_on.append(half_up(slow_weight(r, layer.state.bits) * h[u]))
        for u in range(n):
            sums = []
            for g in range(layer.gates):
                of_x, of_h = slow_products(layer, g, u, x, h if g < layer.gates - layer.dependent else passed_on)
                if g < layer.gates - layer.apart:
                    sums.append(of_x + of_h + int(layer.bias[g, u]))
                else:
                    sums += [of_x + int(layer.bias[g, u]), of_h + int(layer.bias[g + 1, u])]
            new.append(SLOW[layer.kind](layer, sums, h[u], c[u]))
        h, c = ([pair[part] for pair in new] for part in range(2))
        states.append(h)
    return states if layer.return_sequences else states[-1:]


def slow_products(layer, g, u, x, h):
    """Of inputs and of a vector of states, at the accumulator's binary point."""
    of_x = sum(int(w) * v * 2**layer.shift_x for w, v in zip(layer.weights_x[g, u], x, strict=True))
    seen = h if layer.weights_h.size else []
    return of_x, sum(int(w) * v * 2**layer.shift_h for w, v in zip(layer.weights_h[g, u], seen, strict=True))


def slow_gates(layer, sums):
    closing = getattr(layer, "closing", False)
    return [slow_table(acc, layer.gate_shifts[0], layer.state.bits, closing) for acc in sums]


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def slow_jk(layer, sums, h, c):
    return slow_flip_flop(layer, *slow_gates(layer, sums), h)


def slow_toggle(layer, sums, h, c):
    return slow_flip_flop(layer, *slow_gates(layer, sums) * 2, h)


def slow_flip_flop(layer, j, k, h):
    top = 2**layer.state.bits - 1
    return half_up(Fraction(j * (top - h) + (top - k) * h, top)), 0


def slow_sr(layer, sums, h, c):
    top = 2**layer.state.bits - 1
    s, r = slow_gates(layer, sums)
    j = s if layer.both == "set" else half_up(Fraction(s * (top - r), top))
    k = r if layer.both == "reset" else half_up(Fraction(r * (top - s), top))
    return slow_flip_flop(layer, j, k, h)


def slow_simple_rnn(layer, sums, h, c):
    return slow_tanh(Fraction(sums[0], 2**layer.acc_frac), layer.state.bits), 0


def slow_ctrnn(layer, sums, h, c):
    alpha = Fraction(layer.alpha, 2**layer.state.bits - 1)
    return half_up((1 - alpha) * h + alpha * slow_simple_rnn(layer, sums, h, c)[0]), 0


def slow_weight(code: int, bits: int) -> Fraction:
    """A gate as a fraction of 2^b, the largest code being 1."""
    return Fraction(code + (code >= 2 ** (bits - 1)), 2**bits)


def slow_gru(layer, sums, h, c):
    bits = layer.state.bits
    z, r = slow_gates(layer, sums[:2])
    # the recurrent sum on a grid one bit finer than tanh's index, whose step is 2^-(b-1), or 2^-(b-2) from 11 bits on
    grid = 2 ** ((bits - 1 if bits <= 10 else bits - 2) + 1)
    recurrent = Fraction(sums[3], 2**layer.acc_frac)
    if 2**layer.acc_frac > grid:
        recurrent = Fraction(half_up(recurrent * grid), grid)
    n = slow_tanh(Fraction(sums[2], 2**layer.acc_frac) + slow_weight(r, bits) * recurrent, bits)
    update = Fraction(z, 2**bits - 1)
    return half_up(update * h + (1 - update) * n), 0


def slow_gru_reset_before(layer, sums, h, c):
    bits = layer.state.bits
    (z,) = slow_gates(layer, sums[1:2])
    n = slow_tanh(Fraction(sums[2], 2**layer.acc_frac), bits)
    update = Fraction(z, 2**bits - 1)
    return half_up(update * h + (1 - update) * n), 0


def slow_lstm(layer, sums, h, c):
    bits = layer.state.bits
    i, f, o = (slow_weight(code, bits) for code in slow_gates(layer, [sums[0], sums[1], sums[3]]))
    g = Fraction(slow_tanh(Fraction(sums[2], 2**layer.acc_frac), bits), 2 ** (bits - 1))
    grid = 2**layer.cell.frac
    c = max(layer.cell.min, min(layer.cell.max, half_up((f * Fraction(c, grid) + i * g) * grid)))
    return half_up(o * slow_tanh(Fraction(c, grid), bits)), c


SLOW = {
    "jk": slow_jk,
    "toggle": slow_toggle,
    "sr": slow_sr,
    "simple_rnn": slow_simple_rnn,
    "ctrnn": slow_ctrnn,
    "gru": slow_gru,
    "gru_reset_before": slow_gru_reset_before,
    "lstm": slow_lstm,
}


def slow_merged(layer: BidirectionalLayer, ahead, back):
    if layer.merge == "concat":
        return ahead + back
    # what a code of each direction stands for
    unit = Fraction(1, int(layer.ahead.state.scale))
    merge = {"sum": lambda a, b: a + b, "ave": lambda a, b: (a + b) / 2, "mul": lambda a, b: a * b}[layer.merge]
    exact = [merge(a * unit, b * unit) / unit for a, b in zip(ahead, back, strict=True)]
    return [min(half_up(value), layer.output.max) for value in exact]


def slow_dense(layer: DenseLayer, x):
    accs = [
        int(b) + sum(int(w) * v * 2**layer.shift_x for w, v in zip(row, x, strict=True))
        for row, b in zip(layer.weights, layer.bias, strict=True)
    ]
    if layer.activation == "argmax":
        return [accs.index(max(accs))]
    if isinstance(layer.output, Unorm):
        return [slow_table(acc, layer.result_shift, layer.output.bits) for acc in accs]
    low = 0 if layer.activation == "relu" else layer.output.min
    return [max(low, min(layer.output.max, math.floor(acc / 2**layer.result_shift + 0.5))) for acc in accs]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
@pytest.mark.parametrize(
    ("activation", "every_step", "tokens"),
    [("linear", True, 0), ("relu", False, 0), ("sigmoid", True, 6), ("argmax", False, 0)],
)
def test_golden_model_equals_plain_integers(bits, activation, every_step, tokens, rng):
    network = random_network(
        bits,
        inputs=3,
        units=(5, 4),
        outputs=3,
        bits=bits,
        activation=activation,
        return_sequences=every_step,
        tokens=tokens,
    )
    sequences = random_codes(network, rng, [6, 1, 9])
    codes, lengths = golden.pad(sequences)
    outputs = golden.run(network, codes, lengths).outputs
    for sequence, output in zip(sequences, outputs, strict=True):
        expected = slow_run(network, sequence)
        if every_step:
            assert output[: len(sequence)].tolist() == expected
            assert not output[len(sequence) :].any()
        else:
            assert output.tolist() == expected[-1]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 11, 16])
@pytest.mark.parametrize("cell", sorted(CELLS.values()))
def test_each_cell_equals_plain_numbers(cell, bits, rng):
    for options in [{"both": both} for both in BOTH] if cell.startswith("sr") else [{}]:
        network = random_network(bits, inputs=3, units=(5, 4), outputs=2, bits=bits, cell=cell, **options)
        sequences = random_codes(network, rng, [6, 1, 9])
        codes, lengths = golden.pad(sequences)
        outputs = golden.run(network, codes, lengths).outputs
        for sequence, output in zip(sequences, outputs, strict=True):
            assert output[: len(sequence)].tolist() == slow_run(network, sequence)


@pytest.mark.parametrize("weights", ["ternary", "binary"])
@pytest.mark.parametrize("bits", [1, 4])
@pytest.mark.parametrize("cell", ["jk", *sorted(CELLS.values())])
def test_weights_of_few_codes_equal_plain_numbers(cell, bits, weights, rng):
    network = random_network(bits, inputs=3, units=(5, 4), outputs=2, bits=bits, cell=cell, weights=weights)
    (sequence,) = random_codes(network, rng, [9])
    assert golden.run(network, sequence[None]).outputs[0].tolist() == slow_run(network, sequence)


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_reset_state_is_rounded_half_up_for_every_gate_and_state(bits):
    layer = random_network(1, bits=bits, cell="gru_reset_before").layers[0]
    r, h = np.meshgrid(np.arange(2**bits), np.arange(layer.state.min, layer.state.max + 1), indexing="ij")
    passed_on = layer.passed_on([r], h)
    expected = [[half_up(slow_weight(gate, bits) * int(state)) for state in h[0]] for gate in range(2**bits)]
    assert layer.state.check(passed_on).tolist() == expected
    # an open gate leaves h as it is, a closed one nothing of it
    assert np.array_equal(passed_on[-1], h[0])
    assert not passed_on[0].any()


@pytest.mark.parametrize("bits", [1, 2, 5, 8, 12])
@pytest.mark.parametrize("cell", ["jk", "simple_rnn", "lstm"])
@pytest.mark.parametrize("merge", MERGES)
def test_both_directions_equal_plain_numbers(merge, cell, bits, rng):
    for every_step in (True, False):
        layer = random_bidirectional(rng, cell, merge, "both", Fixed(bits, bits - 2), 3, 2, bits, 9, every_step)
        network = Network("both", (ReversalLayer("turn", layer.input, 2, 9), layer))
        sequences = random_codes(network, rng, [6, 1, 9])
        codes, lengths = golden.pad(sequences)
        outputs = golden.run(network, codes, lengths).outputs
        for sequence, output in zip(sequences, outputs, strict=True):
            expected = slow_run(network, sequence)
            assert (output[: len(sequence)].tolist() if every_step else [output.tolist()]) == expected


def test_sequences_do_not_influence_each_other(rng):
    network = random_network(3, return_sequences=False)
    codes, lengths = golden.pad(random_codes(network, rng, [3, 9, 5]))
    together = golden.run(network, codes, lengths)
    for n, length in enumerate(lengths):
        alone = golden.run(network, codes[n : n + 1, :length])
        assert np.array_equal(alone.outputs[0], together.outputs[n])
        assert np.array_equal(alone.states["jk_0"][0], together.states["jk_0"][n])


def test_a_sequence_cut_in_two_goes_on_from_its_state(rng):
    network = random_network(4, units=(5, 4))
    codes = random_codes(network, rng, [12])[0][None]
    whole = golden.run(network, codes)
    first = golden.run(network, codes[:, :5])
    second = golden.run(network, codes[:, 5:], states=first.states)
    assert np.array_equal(np.concatenate([first.outputs, second.outputs], axis=1), whole.outputs)


@pytest.mark.parametrize(
    ("codes", "lengths", "message"),
    [
        (
            np.zeros((1, 2, 4), int),
            None,
            r"^input must have shape \[batch, time, 3\], each at least 1, not \[1, 2, 4\]$",
        ),
        (np.zeros((2, 3), int), None, r"^input must have shape"),
        (np.zeros((0, 2, 3), int), None, r"^input must have shape"),
        (np.zeros((1, 2, 3)), None, r"^input codes must be integers, not float64$"),
        (np.full((1, 2, 3), 8), None, r"^input codes must be from -8 to 7 \(Fixed\(4, frac=2\)\), found 8 to 8$"),
        (np.zeros((1, 2, 3), int), [3], r"^lengths must be 1 integers from 1 to 2$"),
        (np.zeros((1, 2, 3), int), [0], r"^lengths must be 1 integers from 1 to 2$"),
    ],
)
def test_run_refuses(codes, lengths, message):
    with pytest.raises(InputError, match=message):
        golden.run(random_network(1), codes, lengths)


def test_run_refuses_states_of_unknown_layers():
    with pytest.raises(InputError, match=r"^no layer with a state is named 'other'$"):
        golden.run(random_network(1), np.zeros((1, 2, 3), int), states={"other": np.zeros((1, 5), int)})


@pytest.mark.long
def test_a_memory_at_zero_gates_does_not_drift_in_a_hundred_thousand_steps():
    """Gates that are codes 0 without input: whatever was stored stays, to the code."""
    n = 4
    eye = np.zeros((2, n, n), int)
    layer = JKLayer("jk", Fixed(8, 0), Unorm(8), 8, 0, 0, np.zeros((2, n, 1), int), eye, np.full((2, n), -(9 << 8)))
    start = np.array([[1, 77, 128, 254]])
    result = golden.run(Network("hold", (layer,)), np.zeros((1, 100_000, 1), int), states={"jk": start})
    assert np.array_equal(result.states["jk"], start)
