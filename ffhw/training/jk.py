"""The JK flip-flop layer for Keras 3, on any backend.

The cell (JK flip-flop network paper, Table 2, eq. 1-3), for input x_t and state h_t in [0, 1]:

    J   = sigmoid(Wjx x_t + bjx + Wjh h_{t-1} + bjh)
    K   = sigmoid(Wkx x_t + bkx + Wkh h_{t-1} + bkh)
    h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="ffhw")
class HoldBias(keras.initializers.Initializer):
    """Gate biases that let a fresh flip-flop hold its state.

    With no input, J = K = s makes a state relax towards 1/2 as ``h_t - 1/2 = (1 - 2 s) (h_{t-1} - 1/2)``. This
    initialiser spreads the relaxation time 1 / (2 s) of the units evenly on a logarithmic scale, from ``shortest`` to
    ``longest`` steps: the bias of a gate is ``-log(2 * time - 1)``, half of it in each of the two biases. Zero biases,
    by contrast, make each unit forget at once (time 1).

    Parameters
    ----------
    shortest, longest: relaxation times in steps, ``1 <= shortest <= longest``.
    """

    def __init__(self, shortest: float = 1.0, longest: float = 32.0) -> None:
        if not 1.0 <= shortest <= longest:
            raise ValueError(f"HoldBias needs 1 <= shortest <= longest, not {shortest!r} and {longest!r}")
        self.shortest = shortest
        self.longest = longest

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Biases ``[2, 2 N]``: input and recurrent, each J then K."""
        if len(shape) != 2 or shape[0] != 2 or shape[1] % 2:
            raise ValueError(f"HoldBias fills biases of shape (2, 2 * units), not {shape!r}")
        low, high = math.log(self.shortest), math.log(self.longest)
        time = ops.exp(ops.linspace(low, high, shape[1] // 2))
        gate = -ops.log(ops.maximum(2.0 * time - 1.0, 1e-7))
        row = ops.concatenate([gate, gate]) / 2.0
        return ops.cast(ops.stack([row, row]), dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {"shortest": self.shortest, "longest": self.longest}


@keras.saving.register_keras_serializable(package="ffhw")
class JKCell(keras.Layer):
    """One step of N flip-flop neurons.

    The gate order of every weight is J, then K: ``kernel [D, 2 N]``, ``recurrent_kernel [N, 2 N]`` and
    ``bias [2, 2 N]`` (row 0 the input's, row 1 the recurrent one). The exporter relies on it.

    Parameters
    ----------
    units: N, a positive integer.
    use_bias: whether the gates have their two biases.
    dropout, recurrent_dropout: share of input and state elements dropped during training, one mask a call.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "HoldBias",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(units, bool) or not isinstance(units, int) or units <= 0:
            raise ValueError(f"units must be a positive integer, not {units!r}")
        for name, value in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}")
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = (
            HoldBias() if bias_initializer == "HoldBias" else keras.initializers.get(bias_initializer)
        )
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs ``[batch, D]``."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 2 * self.units),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2, 2 * self.units),
                name="bias",
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: inputs ``[batch, D]``, states ``[[batch, N]]``; returns ``(h, [h])``."""
        h = states[0] if isinstance(states, (list, tuple)) else states
        recurrent = h
        if training and self.dropout:
            inputs = keras.random.dropout(inputs, self.dropout, seed=self.seed_generator)
        if training and self.recurrent_dropout:
            recurrent = keras.random.dropout(h, self.recurrent_dropout, seed=self.seed_generator)
        # [J, K] = sigmoid(W_x x_t + b_x + W_h h_{t-1} + b_h)
        gates = ops.matmul(inputs, self.kernel) + ops.matmul(recurrent, self.recurrent_kernel)
        if self.use_bias:
            gates = gates + self.bias[0] + self.bias[1]
        j, k = ops.split(ops.sigmoid(gates), 2, axis=-1)
        # h_t = J * (1 - h_{t-1}) + (1 - K) * h_{t-1}
        new = j * (1.0 - h) + (1.0 - k) * h
        return new, [new]

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """All flip-flops reset: ``[[batch, N]]`` of zeros."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), **_cell_config(self)}


@keras.saving.register_keras_serializable(package="ffhw")
class JK(keras.layers.RNN):
    """A recurrent layer of N JK flip-flop neurons: :class:`JKCell` along time.

    Takes the arguments of :class:`JKCell` and those of ``keras.layers.RNN`` (``return_sequences``, ``return_state``,
    ``go_backwards``, ``stateful``, ``unroll``); obeys masks; may be wrapped in ``keras.layers.Bidirectional``.

    Input ``[batch, time, D]``; output ``[batch, N]``, or ``[batch, time, N]`` with ``return_sequences``.
    Parameters: ``2 N (D + N + 2)``, half of an LSTM with two biases a gate.
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "HoldBias",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell = JKCell(
            units,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            seed=seed,
            dtype=kwargs.get("dtype"),
            name="jk_cell",
        )
        super().__init__(cell, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["cell"]
        return {**config, **_cell_config(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> JK:
        """Layer with these constructor arguments."""
        return cls(**config)


def _cell_config(cell: JKCell) -> dict[str, Any]:
    """The arguments that a cell and its layer share."""
    groups = (
        (keras.initializers.serialize, "initializer"),
        (keras.regularizers.serialize, "regularizer"),
        (keras.constraints.serialize, "constraint"),
    )
    config: dict[str, Any] = {"units": cell.units, "use_bias": cell.use_bias}
    for serialize, kind in groups:
        for name in ("kernel", "recurrent", "bias"):
            config[f"{name}_{kind}"] = serialize(getattr(cell, f"{name}_{kind}"))
    return {**config, "dropout": cell.dropout, "recurrent_dropout": cell.recurrent_dropout, "seed": cell.seed}
