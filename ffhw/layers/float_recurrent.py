"""Trained layers with a state: their matrices, the loop over time, and how their weights become integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ffhw.layers.base import Calibration, FloatLayer, Floats, Ints, Layer
from ffhw.layers.description import FLAG, FLAG_ON, UNITS, UNUSED, Affine, Described, Read, only, training_options
from ffhw.layers.recurrent import RecurrentLayer
from ffhw.layers.reversal import FloatReversal
from ffhw.layers.weighted import affine, product_frac
from ffhw.numbers.formats import Format
from ffhw.numbers.scales import Precision, bias_codes, weight_unit

# Options of a Keras layer of any recurrent cell.
RECURRENT_OPTIONS = {
    "units": UNITS,
    "use_bias": FLAG_ON,
    "return_sequences": FLAG,
    "return_state": only(False),
    "go_backwards": FLAG,
    "zero_output_for_mask": only(False),
    "stateful": FLAG,  # the state that hardware keeps is asked for with --keep-state
    **dict.fromkeys(("unroll", "dropout", "recurrent_dropout", "seed"), UNUSED),
    **training_options("kernel", "recurrent", "bias"),
}


def directed(described: Described, layer: FloatRecurrent) -> Read:
    """A layer as it stands in the chain: behind a reversal where it goes backwards, before a scale where centered."""
    found: list[Any] = [layer]
    if described.options.get("centered", False):
        ones = np.ones(layer.output_size)
        found = [_uncentered(layer), Affine(described.name, 2.0 * ones, -ones)]
    if described.options["go_backwards"]:
        found.insert(0, FloatReversal(f"{described.name}_reversal", described.given.elements))
    return tuple(found)


def _uncentered(layer: FloatRecurrent) -> FloatRecurrent:
    """Neurons whose gates see their states as ``2 h - 1``, as plain ones."""
    # W_h (2 h - 1) + b = 2 W_h h + (b - W_h 1), over maps the same at every place
    of_ones = layer.weights_h.sum(axis=2)
    bias = layer.bias - np.tile(of_ones, layer.bias.shape[1] // of_ones.shape[1])
    return dataclasses.replace(layer, weights_h=2.0 * layer.weights_h, bias=bias)


def keras_weights(described: Described, gates: int, recurrent_gates: bool = True) -> dict[str, Any]:
    """What every recurrent layer takes of a Keras description, but for the bias.

    Keras keeps the gates of a matrix side by side: ``kernel [D, G N]``, ``recurrent_kernel [N, G N]``, which is missing
    where gates see the inputs only.
    """
    d, n = described.inputs, described.options["units"]
    wx = described.array("cell/vars/0", d, gates * n).T.reshape(gates, n, d)
    wh = np.zeros((gates, n, 0))
    if recurrent_gates:
        wh = described.array("cell/vars/1", n, gates * n).T.reshape(gates, n, n)
    return {
        "name": described.name,
        "weights_x": wx,
        "weights_h": wh,
        "return_sequences": described.options["return_sequences"],
    }


@dataclasses.dataclass(frozen=True)
class FloatRecurrent(FloatLayer):
    """A trained recurrent layer.

    Parameters
    ----------
    weights_x: ``[gates, N, D]``; weights_h: ``[gates, N, N]``, or ``[gates, N, 0]`` where gates see the inputs only;
        gates in the order of the quantized layer.
    bias: ``[sums, N]``: of each gate, then of each recurrent sum that is kept apart.
    return_sequences: give every step's state, or the last one's only.
    """

    holds: ClassVar[bool] = True
    quantized: ClassVar[type[RecurrentLayer]]

    name: str
    weights_x: Floats
    weights_h: Floats
    bias: Floats
    return_sequences: bool

    @property
    def units(self) -> int:
        """N, the number of units."""
        return self.weights_x.shape[1]

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights_x.shape[2]

    @property
    def output_size(self) -> int:
        """The states."""
        return self.units

    def step(self, sums: list[Floats], *state: Floats) -> tuple[Floats, ...]:
        """The new state ``[batch, N]`` from the gates' weighted sums and the old one; h first where it has parts."""
        raise NotImplementedError

    def passed_on(self, sums: list[Floats], h: Floats) -> Floats:
        """What the dependent gates multiply instead of h, from the sums of the other gates."""
        raise NotImplementedError

    def input_scaled(self, name: str, scale: Floats, offset: Floats) -> FloatRecurrent:  # noqa: D102
        # W (s v + o) + b = (W s) v + (b + W o)
        bias = self.bias.copy()
        bias[: len(self.weights_x)] += self.weights_x @ offset
        return dataclasses.replace(self, weights_x=self.weights_x * scale, bias=bias)

    def states(self, x: Floats, length: Ints) -> list[Floats]:
        """Each part of the state after every step, ``[batch, time, N]``; what lies past a length is the last one's."""
        gates, n = len(self.weights_x), self.units
        together, free = gates - self.quantized.apart, gates - self.quantized.dependent
        of_h, of_passed = self.fed_back(0, free), self.fed_back(free, gates)
        state = [np.zeros((len(x), n)) for _ in self.quantized.state_signals]
        out = [np.empty((*x.shape[:2], n)) for _ in state]
        for t, driven in enumerate(self.driven(x)):
            again = of_h(state[0])
            sums = [driven[:, gate] + (again[:, gate] if gate < together else 0.0) for gate in range(free)]
            sums += [again[:, gate] + self.bias[gate + gates - together] for gate in range(together, gates)]
            if free < gates:
                late = of_passed(self.passed_on(sums, state[0]))
                sums += [driven[:, gate] + late[:, gate - free] for gate in range(free, gates)]
            active = (t < length)[:, None]
            new = self.step(sums, *state)
            state = [np.where(active, after, before) for after, before in zip(new, state, strict=True)]
            for column, part in zip(out, state, strict=True):
                column[:, t] = part
        return out

    def driven(self, x: Floats) -> Iterator[Floats]:
        """``Wx x + b`` of each step, ``[batch, gates, N]``, of inputs ``[batch, time, D]``."""
        gates = len(self.weights_x)
        sums = affine(x, self.weights_x, self.bias[:gates]).reshape(*x.shape[:2], gates, self.units)
        return iter(sums.transpose(1, 0, 2, 3))

    def fed_back(self, start: int, stop: int) -> Callable[[Floats], Floats]:
        """``Wh h`` of some gates, ``[batch, stop - start, N]``, of states ``[batch, N]``."""
        size, n = self.weights_h.shape[2], self.units
        recurrent = self.weights_h[start:stop].reshape((stop - start) * n, size).T
        return lambda h: (h[:, :size] @ recurrent).reshape(len(h), stop - start, n)

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        return self.states(x, length)[0]

    def answering_once(self) -> FloatRecurrent:  # noqa: D102
        return dataclasses.replace(self, return_sequences=False)

    def numbers(self, layer: Layer) -> dict[str, Floats]:  # noqa: D102
        assert isinstance(layer, RecurrentLayer)
        x, h = (weight_unit(fmt) for fmt in (layer.input, layer.state))
        return {"weights_x": self.weights_x * x, "weights_h": self.weights_h * h, "bias": self.bias}

    @classmethod
    def of_numbers(cls, layer: Layer, numbers: Mapping[str, Floats]) -> FloatRecurrent:  # noqa: D102
        assert isinstance(layer, RecurrentLayer)
        x, h = (
            numbers[name] / weight_unit(fmt) for name, fmt in (("weights_x", layer.input), ("weights_h", layer.state))
        )
        own = cls.options_of(layer)
        return cls(layer.name, x, h, numbers["bias"], layer.return_sequences, **own)

    @classmethod
    def options_of(cls, layer: Any) -> dict[str, Any]:
        """What the float layer of a quantized one of this kind is given besides what all of them are."""
        return {}

    def own_options(self, data: Calibration, precision: Precision) -> dict[str, Any]:
        """What the quantized layer of this kind is given besides what all of them are."""
        return {}

    def quantize(self, source: Format, data: Calibration, precision: Precision) -> RecurrentLayer:  # noqa: D102
        bits = precision.widths.state_bits
        state = self.quantized.state_table(bits).output
        index_frac = max(table(bits).index_frac for table in self.quantized.gate_tables)
        wx, frac_x = precision.weights(self.weights_x, source, index_frac)
        wh, frac_h = self.weights_h.astype(np.int64), 0
        if wh.size:
            wh, frac_h = precision.weights(self.weights_h, state, index_frac)
        # weights that are all zero need no alignment: their scale is the one that costs none
        x_frac = product_frac(self.name, source)
        if not wh.any():
            frac_h = max(frac_x + x_frac, index_frac) - state.frac
        elif not wx.any():
            frac_x = max(frac_h + state.frac, index_frac) - x_frac
        layer = self.quantized(
            name=self.name,
            input=source,
            state=state,
            weight_bits=precision.widths.weight_bits,
            frac_x=frac_x,
            frac_h=frac_h,
            weights_x=wx,
            weights_h=wh,
            bias=np.zeros_like(self.bias, dtype=np.int64),
            return_sequences=self.return_sequences,
            **self.own_options(data, precision),
        )
        return dataclasses.replace(layer, bias=bias_codes(self.bias, layer.acc_frac, layer.bias_limits()))
