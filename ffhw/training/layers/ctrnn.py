"""The continuous-time recurrent network, stepped by Euler's method, as a Keras layer.

Its equation (for example Sussillo & Barak, Neural Computation 25, 2013; Jarne, Front. Syst. Neurosci. 18, 2024):

    tau dh/dt = -h + tanh(Wx x + Wh h + b)

and its Euler form with steps of dt, alpha = dt / tau:

    h_t = (1 - alpha) h_{t-1} + alpha tanh(Wx x_t + Wh h_{t-1} + b)

With dt = tau it is the ordinary SimpleRNN.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="ffhw")
class CTRNNCell(keras.layers.SimpleRNNCell):
    """One Euler step of N tanh units.

    Weights are SimpleRNN's: ``kernel [D, N]``, ``recurrent_kernel [N, N]``, ``bias [N]``.

    Parameters
    ----------
    units: N. tau_ms: time constant. dt_ms: length of a step, above 0 and at most ``tau_ms``.
    options: arguments of ``keras.layers.SimpleRNNCell``, but for ``activation``: it is tanh.
    """

    def __init__(self, units: int, tau_ms: float = 10.0, dt_ms: float = 1.0, **options: Any) -> None:
        if not 0 < dt_ms <= tau_ms:
            raise ValueError(f"CTRNN needs 0 < dt_ms <= tau_ms, not dt_ms {dt_ms!r} and tau_ms {tau_ms!r}")
        options.pop("activation", None)
        super().__init__(units, activation="tanh", **options)
        self.tau_ms = tau_ms
        self.dt_ms = dt_ms

    def call(self, sequence: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: inputs ``[batch, D]``, states ``[[batch, N]]``; returns ``(h, [h])``."""
        h = states[0] if isinstance(states, (list, tuple)) else states
        driven, _ = super().call(sequence, [h], training=training)
        alpha = self.dt_ms / self.tau_ms
        # h_t = (1 - alpha) h_{t-1} + alpha tanh(Wx x_t + Wh h_{t-1} + b)
        new = (1.0 - alpha) * h + alpha * driven
        return new, [new]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "tau_ms": self.tau_ms, "dt_ms": self.dt_ms}


@keras.saving.register_keras_serializable(package="ffhw")
class CTRNN(keras.layers.RNN):
    """:class:`CTRNNCell` along time.

    Takes the arguments of :class:`CTRNNCell` as ``cell_options`` and those of ``keras.layers.RNN``. Input
    ``[batch, time, D]``; output ``[batch, N]``, or ``[batch, time, N]`` with ``return_sequences``.
    """

    def __init__(
        self,
        units: int,
        tau_ms: float = 10.0,
        dt_ms: float = 1.0,
        recurrent_initializer: Any = "orthogonal",
        recurrent_constraint: Any = None,
        **options: Any,
    ) -> None:
        cell = CTRNNCell(
            units,
            tau_ms,
            dt_ms,
            recurrent_initializer=recurrent_initializer,
            recurrent_constraint=recurrent_constraint,
            dtype=options.get("dtype"),
            name="ctrnn_cell",
        )
        super().__init__(cell, **options)

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["cell"]
        cell = self.cell
        return {
            **config,
            "units": cell.units,
            "tau_ms": cell.tau_ms,
            "dt_ms": cell.dt_ms,
            "recurrent_initializer": keras.initializers.serialize(cell.recurrent_initializer),
            "recurrent_constraint": keras.constraints.serialize(cell.recurrent_constraint),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> CTRNN:
        """Layer with these constructor arguments."""
        return cls(**config)
