"""A trained network as a dynamical system: ``s_t = F(s_{t-1}, x_t)``, ``y_t = R h_t + r``.

The float network and the quantized one answer to the same calls, so that every analysis takes either.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ffhw.errors import InputError
from ffhw.layers import passing
from ffhw.layers.dense import FloatDense
from ffhw.layers.description import Described, Form, check_options
from ffhw.model import golden
from ffhw.model.network import Network
from ffhw.reading.keras_file import open_model
from ffhw.reading.keras_model import Entry, chain, input_form
from ffhw.training.analysis.cells import CELLS, CellWeights, jk_gates
from ffhw.training.networks.options import FLIP_FLOPS

Floats = NDArray[np.float64]

# Keras' class of each cell, and the name that it is registered under where it is ours
_CLASSES = {
    "SimpleRNN": ("rnn", None),
    "CTRNN": ("ctrnn", "ffhw>CTRNN"),
    "JK": ("jk", "ffhw>JK"),
    "SR": ("sr", "ffhw>SR"),
    "Toggle": ("toggle", "ffhw>Toggle"),
    "LSTM": ("lstm", None),
    "GRU": ("gru", None),
}
# Layers that do nothing once training is over
_PASSING = {known.name for known in passing.KERAS}
_BATCH = 64


class System(Protocol):
    """What the analyses ask of a network."""

    @property
    def units(self) -> int:
        """Units N of the recurrent layer."""

    def run(self, x: Floats, start: Floats | None = None) -> tuple[Floats, Floats]:
        """States ``[batch, time, S]`` and outputs ``[batch, time, O]`` for inputs ``[batch, time, D]``.

        start: states ``[batch, S]`` to begin with; zeros if None.
        """


@dataclasses.dataclass(frozen=True)
class Dynamics:
    """A recurrent layer and its linear readout, in double precision.

    Parameters
    ----------
    cell: a name in :data:`ffhw.training.analysis.cells.CELLS`.
    readout ``[N, O]``, readout_bias ``[O]``.
    parameters: trained numbers in the file; a JK gate has two biases there, added here.
    """

    name: str
    cell: str
    weights: CellWeights
    readout: Floats
    readout_bias: Floats
    parameters: int = 0

    @property
    def units(self) -> int:
        """Units N of the recurrent layer."""
        return self.weights.units

    @property
    def inputs(self) -> int:
        """Input channels D."""
        return len(self.weights.kernel)

    @property
    def state_size(self) -> int:
        """Numbers S in a state."""
        return CELLS[self.cell].states * self.units

    def step(self, s: Any, x: Any) -> Any:
        """Next states ``[batch, S]`` from states ``[batch, S]`` and inputs ``[batch, D]`` or ``[D]``."""
        return CELLS[self.cell].step(self.weights, s, x)

    def outputs(self, s: Floats) -> Floats:
        """Readout ``[..., O]`` of states ``[..., S]``."""
        return s[..., : self.units] @ self.readout + self.readout_bias

    def run(self, x: Floats, start: Floats | None = None) -> tuple[Floats, Floats]:
        """States ``[batch, time, S]`` and outputs ``[batch, time, O]``; see :class:`System`."""
        s = np.zeros((len(x), self.state_size)) if start is None else start
        states = np.empty((len(x), x.shape[1], self.state_size))
        for t in range(x.shape[1]):
            s = self.step(s, x[:, t])
            states[:, t] = s
        return states, self.outputs(states)

    def jacobian(self, s: Floats, x: Floats) -> Floats:
        """``dF_i / ds_j`` at states ``s [batch, S]`` and input ``x [D]``: ``[batch, S, S]``.

        Taken by complex steps, ``Im F(s + i e) / e``: no difference is formed, so it is exact to rounding.
        """
        tiny = 1e-30
        steps = s[:, None, :] + 1j * tiny * np.eye(self.state_size)
        columns = self.step(steps.reshape(-1, self.state_size), x).imag / tiny
        return columns.reshape(len(s), self.state_size, self.state_size).transpose(0, 2, 1)

    def recurrent_matrices(self) -> dict[str, Floats]:
        """Recurrent weights ``[to, from]`` of each gate, by the gate's name: the W of ``W h``."""
        gates = CELLS[self.cell].gates
        blocks = np.split(self.weights.recurrent, len(gates), axis=1)
        return {gate: block.T for gate, block in zip(gates, blocks, strict=True)}

    def gates(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """J, K and the new state at every step, each ``[batch, time, N]``, of a JK network that starts at zero."""
        states, _ = self.run(x)
        before = np.concatenate([np.zeros_like(states[:, :1]), states[:, :-1]], axis=1)
        j, k = jk_gates(self.weights, before, x)
        return j, k, states


@dataclasses.dataclass(frozen=True)
class QuantizedDynamics:
    """The golden model of a quantized network: one JK layer and one dense layer, exact codes shown as values."""

    network: Network

    @property
    def units(self) -> int:
        """Units N of the JK layer."""
        return self.network.stateful_layers[0].state_size

    def run(self, x: Floats, start: Floats | None = None) -> tuple[Floats, Floats]:
        """States ``[batch, time, S]`` and outputs ``[batch, time, O]``; see :class:`System`.

        States are code / M: a code and its value determine each other, so nothing is lost on the way.
        """
        layer = self.network.stateful_layers[0]
        codes = self.network.encode(x)
        states = {} if start is None else {layer.name: layer.state_format.quantize(start)}
        result = golden.run(self.network, codes, states=states, trace=True)
        values = layer.state_format.dequantize(result.traces[layer.name].h)
        return values, self.network.values(result.outputs)

    def gates(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """J, K and the new state at every step, each ``[batch, time, N]``."""
        layer = self.network.stateful_layers[0]
        trace = golden.run(self.network, self.network.encode(x), trace=True).traces[layer.name]
        return (
            layer.state_format.dequantize(trace.j),
            layer.state_format.dequantize(trace.k),
            layer.state_format.dequantize(trace.h),
        )


def respond(system: System, x: Floats) -> Floats:
    """Outputs ``[batch, time, O]``, a few sequences at a time: states of all at once may not fit the memory."""
    x = np.asarray(x, np.float64)
    return np.concatenate([system.run(x[n : n + _BATCH])[1] for n in range(0, len(x), _BATCH)])


def read_dynamics(path: Path | str) -> Dynamics:
    """Trained network in a ``.keras`` file: one recurrent layer of any cell, then one linear dense layer.

    Nothing stored in the file is executed.

    Raises
    ------
    InputError: not a ``.keras`` file, or another structure.
    """
    with open_model(path) as (config, weights):
        entries = chain(config, weights)
        inputs, centered = input_form(config, entries).inputs, False
        recurrent: list[tuple[str, CellWeights, int]] = []
        dense: list[FloatDense] = []
        for entry in entries:
            if entry.kind in _PASSING:
                continue
            if entry.kind in _CLASSES and _CLASSES[entry.kind][1] == entry.registered and not dense:
                recurrent.append(_read_cell(entry, inputs))
                centered = _flag(entry, "centered")
                inputs = recurrent[-1][1].recurrent.shape[0]
            elif entry.kind == "Dense" and recurrent:
                known = entry.known()
                options = check_options(entry.name, entry.options, known.options)
                readout = known.read(Described(entry.name, options, entry.weights, Form(inputs)))
                assert isinstance(readout, FloatDense)
                # W (2 h - 1) + b
                ones = np.ones(inputs)
                dense.append(readout.input_scaled(entry.name, 2.0 * ones, -ones) if centered else readout)
            else:
                raise InputError(f"{path}: layer {entry.name!r} is a {entry.kind}; {_EXPECTED}")
        if len(recurrent) != 1 or len(dense) != 1:
            raise InputError(f"{path} has {len(recurrent)} recurrent and {len(dense)} dense layers; {_EXPECTED}")
        name = str(config["config"].get("name", Path(path).stem))
    cell, cell_weights, stored = recurrent[0]
    readout = dense[0]
    if readout.activation != "linear":
        raise InputError(f"{path}: the readout must be linear, not {readout.activation}")
    parameters = stored + readout.weights.size + readout.bias.size
    return Dynamics(name, cell, cell_weights, readout.weights.T, readout.bias, parameters)


_EXPECTED = f"analyze takes one recurrent layer ({', '.join(_CLASSES)}) and one Dense readout"


def _flag(entry: Entry, option: str) -> bool:
    """An option of flip-flops: whether states are seen as ``2 h - 1`` (``centered``), or gates close (``closing``)."""
    value = entry.options.get(option, False)
    if value and (value is not True or _CLASSES[entry.kind][0] not in FLIP_FLOPS):
        raise InputError(f"layer {entry.name!r}: option {option}={value!r} is not understood")
    return bool(value)


def _read_cell(entry: Entry, inputs: int) -> tuple[str, CellWeights, int]:
    """The cell's name, its weights, and how many of them there are: gates that see the inputs only have none of h."""
    cell, _ = _CLASSES[entry.kind]
    name, options, stored = entry.name, entry.options, entry.weights
    for option, plain in (
        ("activation", "tanh"),
        ("recurrent_activation", "sigmoid"),
        ("reset_after", True),
        ("go_backwards", False),
    ):
        if options.get(option, plain) != plain:
            raise InputError(f"layer {name!r}: analyze takes {option}={plain!r} only, not {options[option]!r}")
    if not options.get("return_sequences"):
        raise InputError(f"layer {name!r} answers once a sequence: analyze takes return_sequences=True only")
    units = options.get("units")
    if not isinstance(units, int) or units < 1:
        raise InputError(f"layer {name!r}: units must be a whole number of at least 1, not {units!r}")
    columns = units * len(CELLS[cell].gates)
    bias_shape = (2, columns) if CELLS[cell].biases == 2 else (columns,)
    shapes: dict[str, tuple[int, ...]] = {"kernel": (inputs, columns)}
    if recurrent_gates := options.get("recurrent_gates", True):
        shapes["recurrent"] = (units, columns)
    if options.get("use_bias", True):
        shapes["bias"] = bias_shape
    found = {part: stored.array(f"cell/vars/{n}", shape, name) for n, (part, shape) in enumerate(shapes.items())}
    recurrent = found.get("recurrent", np.zeros((units, columns)))
    bias = found.get("bias", np.zeros(bias_shape))
    if CELLS[cell].added:
        bias = bias.sum(axis=0)
    if _flag(entry, "centered"):
        # W_h (2 h - 1) + b = 2 W_h h + (b - W_h 1)
        recurrent, bias = 2.0 * recurrent, bias - recurrent.sum(axis=0)
    alpha = options["dt_ms"] / options["tau_ms"] if cell == "ctrnn" else 1.0
    weights = CellWeights(
        found["kernel"],
        recurrent,
        bias,
        alpha,
        both=options.get("both", "set"),
        recurrent_gates=bool(recurrent_gates),
        closing=_flag(entry, "closing"),
    )
    return cell, weights, sum(array.size for array in found.values())
