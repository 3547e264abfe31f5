"""Models of the tasks: one recurrent layer of any cell, one dense readout."""

from __future__ import annotations

import dataclasses
from typing import Any

from ffhw.errors import InputError
from ffhw.training.recurrent import LAYERS, recurrent_layer
from ffhw.training.tasks import Task

CELLS = tuple(LAYERS)
# Adam moves every weight by the rate, so the largest eigenvalue by up to rate * units. Plain tanh units remember only
# with eigenvalues near the unit circle, and must not be thrown off it: 0.04 lets 400 units learn at 1e-4.
_TANH_RATE_TIMES_UNITS = 0.04
_WIDE, _WIDE_EPOCHS = 200, 10


@dataclasses.dataclass(frozen=True)
class RecurrentOptions:
    """Which recurrent layer a model gets.

    Parameters
    ----------
    cell: one of :data:`CELLS`. units: its width, None for the task's own.
    hold_bias: whether gates start as memories: those of flip-flops with :class:`ffhw.training.neurons.HoldBias`, of
        LSTM and GRU with :class:`ffhw.training.chrono.ChronoBias`; else as Keras has them (flip-flops: zeros). Plain
        cells have no gates.
    tau_ms: time constant of the ``ctrnn`` cell, None for ten steps; the task's own time step is its dt.
    dale: share of excitatory units, None for no such law. density: share of the recurrent connections that exist.
    self_connection: whether a unit may feed itself.

    Raises
    ------
    InputError: no such cell, or an option out of range.
    """

    cell: str = "jk"
    units: int | None = None
    hold_bias: bool = True
    tau_ms: float | None = None
    dale: float | None = None
    density: float = 1.0
    self_connection: bool = True

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise InputError(f"--cell must be one of {', '.join(CELLS)}, not {self.cell!r}")
        if self.units is not None and self.units < 1:
            raise InputError(f"--units must be at least 1, not {self.units}")
        if self.tau_ms is not None and self.cell != "ctrnn":
            raise InputError(f"--tau-ms is a time constant of the ctrnn cell; {self.cell} has none")
        if self.dale is not None and not 0 <= self.dale <= 1:
            raise InputError(f"--dale is the share of excitatory units, from 0 to 1, not {self.dale!r}")
        if not 0 < self.density <= 1:
            raise InputError(f"--density must be above 0 and at most 1, not {self.density!r}")

    def learning_rate(self, task: Task) -> float:
        """What training begins with where nobody says."""
        if self.cell in ("rnn", "ctrnn"):
            return min(task.learning_rate, _TANH_RATE_TIMES_UNITS / (self.units or task.units))
        return task.learning_rate

    def epochs(self, task: Task) -> int:
        """How long training takes where nobody says: wide tanh layers need few passes, and each is slow."""
        wide = self.cell in ("rnn", "ctrnn") and (self.units or task.units) >= _WIDE
        return min(task.epochs, _WIDE_EPOCHS) if wide else task.epochs


def build_model(task: Task, options: RecurrentOptions, inputs: int, seed: int = 0) -> Any:
    """Keras model of a task, its fresh weights within their constraints.

    Parameters
    ----------
    inputs: channels a step. seed: of the sparse connections; weights come from Keras' own seed.
    """
    import keras

    from ffhw.training.constraints import apply_constraints, balance

    layers: list[Any] = [keras.Input((None, inputs), name="input")]
    if task.softmax:
        layers.append(keras.layers.Masking(name="mask"))
    if task.input_noise:
        layers.append(keras.layers.GaussianNoise(task.input_noise, name="noise"))
    units = options.units or task.units
    layers.append(recurrent_layer(task, options, units, seed))
    layers.append(keras.layers.Dense(task.outputs, activation="softmax" if task.softmax else None, name="readout"))
    model = keras.Sequential(layers, name=f"{task.name.replace('-', '_')}_{options.cell}{units}")
    apply_constraints(model)
    if options.dale is not None or options.density < 1 or not options.self_connection:
        for weight in model.trainable_variables:
            if weight.name == "recurrent_kernel":
                weight.assign(balance(keras.ops.convert_to_numpy(weight.value), options.dale))
        apply_constraints(model)
    return model
