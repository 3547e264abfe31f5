"""Models of the tasks: one recurrent layer of any cell, one dense readout."""

from __future__ import annotations

import dataclasses
from typing import Any

from ffhw.errors import InputError
from ffhw.training.tasks import Task

CELLS = ("jk", "lstm", "gru", "rnn", "ctrnn")
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
    hold_bias: whether gates start as memories: those of JK with :class:`ffhw.training.jk.HoldBias`, of LSTM and GRU
        with :class:`ffhw.training.chrono.ChronoBias`; else as Keras has them (JK: zeros). Plain cells have no gates.
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
    layers.append(_recurrent(task, options, units, seed))
    layers.append(keras.layers.Dense(task.outputs, activation="softmax" if task.softmax else None, name="readout"))
    model = keras.Sequential(layers, name=f"{task.name.replace('-', '_')}_{options.cell}{units}")
    apply_constraints(model)
    if options.dale is not None or options.density < 1 or not options.self_connection:
        for weight in model.trainable_variables:
            if weight.name == "recurrent_kernel":
                weight.assign(balance(keras.ops.convert_to_numpy(weight.value), options.dale))
        apply_constraints(model)
    return model


def _recurrent(task: Task, options: RecurrentOptions, units: int, seed: int) -> Any:
    import keras

    from ffhw.training.chrono import ChronoBias
    from ffhw.training.constraints import WeightLimit
    from ffhw.training.ctrnn import CTRNN
    from ffhw.training.jk import JK, HoldBias

    cell = options.cell
    limit = WeightLimit(task.weight_limit) if cell == "jk" and task.weight_limit else None
    common: dict[str, Any] = {
        "return_sequences": not task.softmax,
        "name": cell,
        "recurrent_constraint": _constraint(options, limit, seed),
    }
    if cell == "jk":
        bias = HoldBias(1.0, task.longest_hold) if options.hold_bias else "zeros"
        return JK(units, bias_initializer=bias, kernel_constraint=limit, **common)
    if cell == "ctrnn":
        tau = 10 * task.dt_ms if options.tau_ms is None else options.tau_ms
        if tau < task.dt_ms:
            raise InputError(f"--tau-ms must be at least the task's time step, {task.dt_ms:g} ms, not {tau:g}")
        return CTRNN(units, tau_ms=tau, dt_ms=task.dt_ms, **common)
    if cell == "rnn":
        return keras.layers.SimpleRNN(units, **common)
    if options.hold_bias:
        common["bias_initializer"] = ChronoBias(cell, 2.0, task.longest_hold)
        if cell == "lstm":
            common["unit_forget_bias"] = False
    return {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}[cell](units, **common)


def _constraint(options: RecurrentOptions, limit: Any, seed: int) -> Any:
    """What the recurrent weights must obey: None, one constraint or a chain of them."""
    from ffhw.training.constraints import Chain, DaleLaw, NoSelfConnection, Sparse

    wanted = [limit] if limit is not None else []
    if options.dale is not None:
        wanted.append(DaleLaw(options.dale))
    if options.density < 1:
        wanted.append(Sparse(options.density, seed))
    if not options.self_connection:
        wanted.append(NoSelfConnection())
    return Chain(wanted) if len(wanted) > 1 else wanted[0] if wanted else None
