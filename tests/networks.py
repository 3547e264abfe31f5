"""Random quantized networks for tests: every weight drawn from its whole range, extremes included."""

from __future__ import annotations

import re

import numpy as np

from ffhw.layers.base import Layer
from ffhw.layers.dense import DenseLayer
from ffhw.layers.embedding import EmbeddingLayer
from ffhw.layers.jk import JKLayer
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Index, Unorm


def random_weights(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> np.ndarray:
    """Codes of ``bits`` bits; about a quarter of them at the two ends of the range."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = rng.integers(low, high, size=shape, endpoint=True)
    ends = np.where(rng.random(shape) < 0.5, low, high)
    return np.where(rng.random(shape) < 0.25, ends, values)


def random_jk(
    rng: np.random.Generator, name: str, source: Fixed | Unorm, units: int, inputs: int, bits: int, **options: object
) -> JKLayer:
    """JK layer whose gates move about instead of saturating at once."""
    # sums of random products that keep within the table's reach, so that gates move instead of saturating
    frac_x = bits - 1 + round(np.log2(0.4 * np.sqrt(inputs)))
    frac_h = bits - 1 + round(np.log2(0.2 * np.sqrt(units)))
    layer = JKLayer(
        name=name,
        input=source,
        state=Unorm(bits),
        weight_bits=bits,
        frac_x=frac_x,
        frac_h=frac_h,
        weights_x=random_weights(rng, (2, units, inputs), bits),
        weights_h=random_weights(rng, (2, units, units), bits),
        bias=rng.integers(-5, 5, (2, units)),
        **options,  # type: ignore[arg-type]
    )
    one = 1 << max(layer.acc_frac, 0)
    bias = rng.integers(-one, one, (2, units), endpoint=True)
    return JKLayer(**{**layer.__dict__, "bias": bias})


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
) -> Network:
    """JK layers of ``units`` and a dense layer, after an embedding if there are ``tokens``."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    source: Fixed | Unorm = Fixed(bits, bits - 2)
    if tokens:
        table = random_weights(rng, (tokens, inputs), bits)
        layers.append(EmbeddingLayer("embedding", Index(tokens), source, table))
    size = inputs
    for number, n in enumerate(units):
        every_step = return_sequences or number < len(units) - 1
        layers.append(random_jk(rng, f"jk_{number}", source, n, size, bits, return_sequences=every_step))
        source, size = Unorm(bits), n
    if outputs:
        output: Fixed | Unorm | Index = Fixed(bits, bits - 2)
        if activation == "sigmoid":
            output = Unorm(bits)
        elif activation == "argmax":
            output = Index(outputs)
        weights = random_weights(rng, (outputs, size), bits)
        frac = bits - 1 + round(np.log2(0.3 * np.sqrt(size)))
        bias = rng.integers(-(1 << bits), 1 << bits, outputs)
        layers.append(DenseLayer("dense", source, output, activation, bits, frac, weights, bias))
    return Network("random", tuple(layers))


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
