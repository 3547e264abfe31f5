"""Random layers and networks over maps for tests, quantized and as Keras has them."""

from __future__ import annotations

import numpy as np
from networks import OWN, random_dense, random_weights

from ffhw.layers import KINDS
from ffhw.layers.bidirectional import MERGES, BidirectionalLayer
from ffhw.layers.convolution_3d import ACTIVATIONS, Convolution3DLayer
from ffhw.layers.map_pooling import MapPoolingLayer
from ffhw.layers.maps import Window, same
from ffhw.layers.over_maps import OverMaps
from ffhw.model.network import Network
from ffhw.numbers.formats import Fixed, Unorm
from ffhw.numbers.grids import weight_grid

CELLS = ("conv_jk", "conv_lstm", "conv_gru")


def window(rows, columns, channels, size=(3, 3), padding="same", strides=(1, 1), dilation=(1, 1)):
    """A window as Keras places it."""
    around = ((0, 0), (0, 0))
    if padding == "same":
        around = [same(*axis) for axis in zip(size, dilation, (rows, columns), strides, strict=True)]
    (top, bottom), (left, right) = around
    return Window(rows, columns, channels, size, strides, dilation, (top, left), (bottom, right))


def random_maps(rng, kind, name, source, over, filters, bits, **options) -> OverMaps:
    """A recurrent layer over maps whose gates move about."""
    cls = KINDS[kind][1]
    gates, sums = len(cls.gate_tables), len(cls.gate_tables) + cls.apart
    reach = weight_grid(bits).high.bit_length()
    inner = KINDS[kind][1].kind.removeprefix("conv_")
    return cls(
        name=name,
        input=source,
        state=cls.state_table(bits).output,
        weight_bits=bits,
        frac_x=reach + round(np.log2(0.4 * np.sqrt(over.taps * over.channels))),
        frac_h=reach + round(np.log2(0.2 * np.sqrt(over.taps * filters))),
        weights_x=random_weights(rng, (gates, filters, over.taps * over.channels), bits),
        weights_h=random_weights(rng, (gates, filters, over.taps * filters), bits),
        bias=rng.integers(-(1 << bits), 1 << bits, (sums, over.positions * filters)),
        window=over,
        **OWN.get(inner, lambda _: {})(bits),
        **options,
    )


def random_convolution(rng, name, source, over, filters, bits, steps=3, lead=1, activation="relu"):
    """A convolution over time and maps, each place and step with a bias of its own."""
    output = Unorm(bits) if activation == "sigmoid" else Fixed(bits, bits - 2)
    wide = steps * over.taps * over.channels
    return Convolution3DLayer(
        name=name,
        input=source,
        output=output,
        activation=activation,
        weight_bits=bits,
        frac=weight_grid(bits).high.bit_length() + round(np.log2(0.3 * np.sqrt(wide))),
        weights=random_weights(rng, (filters, wide), bits),
        bias=rng.integers(-(1 << bits), 1 << bits, (steps, over.positions * filters)),
        steps=steps,
        lead=lead,
        window=over,
    )


PLACED = [
    {},
    {"padding": "valid", "size": (2, 2)},
    {"size": (2, 3)},
    {"size": (3, 2), "strides": (2, 1)},
    {"dilation": (2, 1)},
    {"size": (1, 1), "padding": "valid"},
]


def random_map_network(seed, kinds, cell="conv_jk", bits=4, rows=5, columns=4, channels=2):
    """Layers by letter: r recurrent, l its last step only, b both directions, c convolution, p pooling, d dense.

    Windows, mergers, activations and a convolution's steps are drawn.
    """
    rng = np.random.default_rng(seed)
    layers, source = [], Fixed(bits, bits - 2)
    for number, letter in enumerate(kinds):
        name = f"{letter}{number}"
        over = window(rows, columns, channels, **PLACED[rng.integers(len(PLACED))])
        if letter in "rl":
            layer = random_maps(rng, cell, name, source, over, 3, bits, return_sequences=letter == "r")
        elif letter == "b":
            pair = [random_maps(rng, cell, f"{name}_{side}", source, over, 2, bits) for side in ("ahead", "back")]
            layer = BidirectionalLayer(name, MERGES[rng.integers(len(MERGES))], 64, *pair)
        elif letter == "c":
            steps = int(rng.integers(1, 5))
            activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
            lead = int(rng.integers(steps))
            layer = random_convolution(rng, name, source, over, 2, bits, steps, lead, activation)
        elif letter == "p":
            layer = MapPoolingLayer(name, source, window(rows, columns, channels, (2, 2), "valid", (2, 2)))
        else:
            layer = random_dense(rng, name, source, 3, rows * columns * channels, bits, "linear")
        layers.append(layer)
        source = layer.output
        if layer.maps:
            rows, columns = layer.maps
            channels = layer.output_size // (rows * columns)
    return Network("maps", tuple(layers))
