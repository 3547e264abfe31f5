"""Random quantized networks for tests: every weight drawn from its whole range, extremes included."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import numpy as np

from ffhw.layers import KINDS
from ffhw.layers.base import Layer
from ffhw.layers.bidirectional import MERGES, BidirectionalLayer
from ffhw.layers.convolution import ConvolutionLayer
from ffhw.layers.dense import DenseLayer
from ffhw.layers.embedding import EmbeddingLayer
from ffhw.layers.pooling import PoolingLayer
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.reversal import ReversalLayer
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Index, Unorm
from ffhw.numbers.grids import WeightBits, weight_grid


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], bits: WeightBits) -> np.ndarray:
    """Codes of ``bits`` bits, or ternary or binary; about a quarter of them at the two ends of the range."""
    grid = weight_grid(bits)
    low, high = grid.low, grid.high
    if not grid.zero:
        return grid.quantize(rng.normal(size=shape))
    values = rng.integers(low, high, size=shape, endpoint=True)
    ends = np.where(rng.random(shape) < 0.5, low, high)
    return np.where(rng.random(shape) < 0.25, ends, values)


def random_cell(
    rng: np.random.Generator,
    kind: str,
    name: str,
    source: Fixed | Unorm,
    units: int,
    inputs: int,
    bits: int,
    weights: WeightBits | None = None,
    **options: object,
) -> RecurrentLayer:
    """Recurrent layer whose gates move about instead of saturating at once.

    kind: of ``jk-inputs`` and the like the gates see the inputs only, of ``jk-closing`` they close. weights: their
    width, ``bits`` if None.
    """
    weights = bits if weights is None else weights
    kind, *special = kind.split("-")
    layer_class = KINDS[kind][1]
    gates, sums = len(layer_class.gate_tables), len(layer_class.gate_tables) + layer_class.apart
    # sums of random products that keep within the table's reach, so that gates move instead of saturating
    reach = weight_grid(weights).high.bit_length()
    frac_x = reach + round(np.log2(0.4 * np.sqrt(inputs)))
    frac_h = reach + round(np.log2(0.2 * np.sqrt(units)))
    layer = layer_class(
        name=name,
        input=source,
        state=layer_class.state_table(bits).output,
        weight_bits=weights,
        frac_x=frac_x,
        frac_h=frac_h,
        weights_x=random_weights(rng, (gates, units, inputs), weights),
        weights_h=random_weights(rng, (gates, units, 0 if "inputs" in special else units), weights),
        bias=rng.integers(-5, 5, (sums, units)),
        **{**OWN.get(kind, lambda bits: {})(bits), **({"closing": True} if "closing" in special else {}), **options},
    )
    one = 1 << max(layer.acc_frac, 0)
    bias = rng.integers(-one, one, (sums, units), endpoint=True)
    return dataclasses.replace(layer, bias=bias)


def random_bidirectional(
    rng: np.random.Generator,
    cell: str,
    merge: str,
    name: str,
    source: Fixed | Unorm,
    units: int,
    inputs: int,
    bits: int,
    steps: int,
    every_step: bool,
    weights: WeightBits | None = None,
) -> BidirectionalLayer:
    """Two random layers of a cell, merged."""
    ahead, back = (
        random_cell(rng, cell, f"{name}_{part}", source, units, inputs, bits, weights, return_sequences=every_step)
        for part in ("ahead", "back")
    )
    if merge == "sum" and bits == 16:
        merge = "ave"
    return BidirectionalLayer(name, merge, steps, ahead, back)


# What a kind's quantized layer must be given besides, at a width.
OWN: dict[str, Callable[[int], dict[str, object]]] = {
    "lstm": lambda bits: {"cell": Fixed(min(bits + 2, 16), min(bits - 1, 13))},
    "ctrnn": lambda bits: {"alpha": max(1, (1 << bits) // 3)},
}


def random_network(
    seed: int,
    *,
    inputs: int = 3,
    units: tuple[int, ...] = (5,),
    outputs: int = 2,
    bits: int = 4,
    activation: str = "linear",
    return_sequences: bool = True,
    tokens: int = 0,
    cell: str = "jk",
    weights: WeightBits | None = None,
    **options: object,
) -> Network:
    """Recurrent layers of ``units`` and a dense layer, after an embedding if there are ``tokens``."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    source: Fixed | Unorm = Fixed(bits, bits - 2)
    if tokens:
        table = random_weights(rng, (tokens, inputs), bits)
        layers.append(EmbeddingLayer("embedding", Index(tokens), source, table))
    size = inputs
    for number, n in enumerate(units):
        every_step = return_sequences or number < len(units) - 1
        name = f"{cell}_{number}"
        layers.append(
            random_cell(rng, cell, name, source, n, size, bits, weights, return_sequences=every_step, **options)
        )
        source, size = layers[-1].output, n
    if outputs:
        layers.append(random_dense(rng, "dense", source, outputs, size, bits, activation, weights))
    return Network("random", tuple(layers))


def random_dense(
    rng: np.random.Generator,
    name: str,
    source: Fixed | Unorm,
    units: int,
    inputs: int,
    bits: int,
    activation: str,
    weights: WeightBits | None = None,
) -> DenseLayer:
    """Dense layer whose outputs use their range."""
    width = bits if weights is None else weights
    output: Fixed | Unorm | Index = Fixed(bits, bits - 2)
    if activation == "sigmoid":
        output = Unorm(bits)
    elif activation == "argmax":
        output = Index(units)
    codes = random_weights(rng, (units, inputs), width)
    frac = weight_grid(width).high.bit_length() + round(np.log2(0.3 * np.sqrt(inputs)))
    bias = rng.integers(-(1 << bits), 1 << bits, units)
    return DenseLayer(name, source, output, activation, width, frac, codes, bias)


# Letters of :func:`random_chain` for other cells.
CELLS = {
    "x": "sr",
    "t": "toggle",
    "n": "simple_rnn",
    "c": "ctrnn",
    "g": "gru",
    "f": "gru_reset_before",
    "m": "lstm",
    "i": "jk-inputs",
    "o": "toggle-inputs",
    "h": "jk-closing",
    "w": "sr-closing",
}


def random_chain(
    seed: int,
    kinds: str,
    *,
    bits: int = 4,
    largest: int = 6,
    taps: int | None = None,
    stride: int | None = None,
    steps: int = 64,
    weights: WeightBits | None = None,
) -> Network:
    """Layers of random sizes in any order, one letter each.

    e embedding (first or behind a), j JK, l JK that answers once a sequence, d dense, r relu, s sigmoid, a argmax;
    of the other cells those in :data:`CELLS`, a capital for one that answers once a sequence;
    k causal and v valid convolution, y average and p maximum (peak) over a sequence; q reversal; b bidirectional, of a
    random cell and merger, B that answers once a sequence.
    largest: elements of a vector at most. taps, stride: of convolutions, random if None. steps: the most of a sequence,
    where that matters.
    """
    rng = np.random.default_rng(seed)
    source: Fixed | Unorm | Index = Fixed(bits, bits - 2)
    size = int(rng.integers(1, largest + 1))
    if kinds[0] == "e":
        source, size = Index(int(rng.integers(3, 12))), 1
    layers: list[Layer] = []
    for number, kind in enumerate(kinds):
        name, units = f"{kind}_{number}", int(rng.integers(2 if kind == "a" else 1, largest + 1))
        if kind == "e":
            table = random_weights(rng, (source.size, units), bits)
            layers.append(EmbeddingLayer(name, source, Fixed(bits, bits - 2), table))
        elif kind in "kv":
            k, s = (int(rng.integers(1, most + 1)) if n is None else n for n, most in ((taps, 4), (stride, 3)))
            dense = random_dense(rng, name, source, units, k * size, bits, "linear", weights)
            before = rng.integers(source.min, source.max, size, endpoint=True)
            layers.append(ConvolutionLayer(**dense.__dict__, taps=k, stride=s, causal=kind == "k", before=before))
        elif kind in "yp":
            layers.append(PoolingLayer(name, source, {"y": "average", "p": "max"}[kind], size, steps * (kind == "y")))
        elif kind == "q":
            layers.append(ReversalLayer(name, source, size, steps))
        elif kind in "bB":
            cell, merge = ("jk", *CELLS.values())[rng.integers(len(CELLS) + 1)], MERGES[rng.integers(4)]
            layers.append(
                random_bidirectional(rng, cell, merge, name, source, units, size, bits, steps, kind == "b", weights)
            )
        elif kind in "jl":
            layers.append(
                random_cell(rng, "jk", name, source, units, size, bits, weights, return_sequences=kind == "j")
            )
        elif kind.lower() in CELLS:
            cell = CELLS[kind.lower()]
            layers.append(
                random_cell(rng, cell, name, source, units, size, bits, weights, return_sequences=kind.islower())
            )
        else:
            activation = {"d": "linear", "r": "relu", "s": "sigmoid", "a": "argmax"}[kind]
            layers.append(random_dense(rng, name, source, units, size, bits, activation, weights))
        source, size = layers[-1].output, layers[-1].output_size
    return Network(kinds, tuple(layers))


def random_codes(network: Network, rng: np.random.Generator, lengths: list[int]) -> list[np.ndarray]:
    """Input sequences of these lengths, codes from the whole range of the input format."""
    low, high = network.input.min, network.input.max
    return [rng.integers(low, high, (steps, network.input_size), endpoint=True) for steps in lengths]


def sabotage_valid(verilog: str, expression: str) -> str:
    """Verilog whose ``m_axis_tvalid`` is up only while ``expression`` is true; ``odd`` is true every other cycle."""
    changed = re.sub(r"\(m_axis_tvalid\)", "(honest_valid)", verilog, count=1)
    assert changed != verilog
    extra = f"""  wire honest_valid;
  reg odd = 0;
  always @(posedge clk) odd <= ~odd;
  assign m_axis_tvalid = honest_valid & ({expression});
endmodule"""
    return changed.replace("endmodule", extra, 1)


def top_ports(verilog: str) -> dict[str, int]:
    """Width of each port of ``ffhw_top`` by name, clock and reset excluded."""
    body = verilog[verilog.index("module ffhw_top(") :]
    body = body[: body.index("endmodule")]
    found = re.findall(r"^  (?:input|output) (?:\[(\d+):0\] )?(\w+);", body, re.MULTILINE)
    return {name: int(high or 0) + 1 for high, name in found if name not in ("clk", "rst")}
