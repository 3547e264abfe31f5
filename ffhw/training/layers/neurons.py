"""What flip-flop neurons share as Keras 3 layers, on any backend: gates, weights, biases, the loop over time.

A kind of neuron is a cell, which says how many gates it has and what they do to the state, and a layer of that cell.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
from keras import ops

from ffhw.training.layers import loop, parallel
from ffhw.training.layers.dropout import DropoutCell, DropoutRNN
from ffhw.training.layers.gates import gates_of
from ffhw.training.layers.hold_bias import HoldBias


def check_flag(name: str, value: object) -> None:
    """Refuse what is not a flag."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, not {value!r}")


def check_centered(centered: object, recurrent_dropout: float) -> None:
    """Refuse what ``centered`` cannot be, and what it cannot be together with."""
    check_flag("centered", centered)
    if centered and recurrent_dropout:
        raise ValueError("centered takes no recurrent_dropout")


class FlipFlopCell(DropoutCell, keras.Layer):
    """One step of N flip-flop neurons with G gates.

    Weights, gate by gate: ``kernel [D, G N]``, ``recurrent_kernel [N, G N]`` and ``bias [2, G N]`` (row 0 the input's,
    row 1 the recurrent one). The exporter relies on the order.

    Parameters
    ----------
    units: N, a positive integer.
    use_bias: whether the gates have their two biases.
    dropout, recurrent_dropout: share of input and state elements dropped during training: the same ones at all steps
        of a sequence.
    recurrent_gates: whether the gates see the state. Without, there is no ``recurrent_kernel``: gates = sigmoid(W_x x_t
        + b), and a step is linear in the state, ``h_t = a_t + c_t h_{t-1}`` with c_t in (-1, 1), or [-1, 1] of gates
        that close; of a JK neuron ``J + (1 - J - K) h_{t-1}``. Half the multiplications and fewer; the neuron still
        sets, resets, holds, toggles.
    centered: whether states are seen as ``2 h - 1`` by these gates and by the next layer. It is the same network with
        other weights (``W_h (2 h - 1) + b = 2 W_h h + (b - W_h 1)``), which training finds far sooner: what lies around
        0 can be weighed without moving every sum (Y. LeCun et al., "Efficient BackProp", 1998, section 4.3). Without
        ``recurrent_dropout``.
    closing: whether gates close: ``clip((1 + 2 c) sigmoid(v) - c, 0, 1)`` with c = 0.02 instead of a sigmoid, which is
        never quite 0. A neuron whose gates are 0 keeps its state exactly and for ever, in floats as in hardware. With
        ``HoldBias`` those whose relaxation time is 26 steps or more begin closed (:mod:`ffhw.training.layers.gates`).
    """

    gates: ClassVar[int]

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
        recurrent_gates: bool = True,
        centered: bool = False,
        closing: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(units, bool) or not isinstance(units, int) or units <= 0:
            raise ValueError(f"units must be a positive integer, not {units!r}")
        for name, value in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0.0 <= value < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}")
        check_centered(centered, recurrent_dropout)
        check_flag("closing", closing)
        super().__init__(**kwargs)
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = (
            HoldBias(gates=self.gates) if bias_initializer == "HoldBias" else keras.initializers.get(bias_initializer)
        )
        if isinstance(self.bias_initializer, HoldBias) and self.bias_initializer.gates != self.gates:
            raise ValueError(f"{type(self).__name__} needs HoldBias(gates={self.gates})")
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.recurrent_gates = recurrent_gates
        self.centered = centered
        self.closing = closing
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.state_size = units
        self.output_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs ``[batch, D]``."""
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.gates * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.recurrent_gates:
            self.recurrent_kernel = self.add_weight(
                shape=(self.units, self.gates * self.units),
                name="recurrent_kernel",
                initializer=self.recurrent_initializer,
                regularizer=self.recurrent_regularizer,
                constraint=self.recurrent_constraint,
            )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2, self.gates * self.units),
                name="bias",
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.built = True

    def update(self, gates: list[Any], h: Any) -> Any:
        """New state ``[batch, N]`` from the gates, each ``[batch, N]`` in [0, 1], and the old state."""
        raise NotImplementedError

    def slopes(self, gates: list[Any], h: Any) -> tuple[list[Any], Any]:
        """Derivatives of :meth:`update`: by each gate, and by the old state at fixed gates; shapes as there."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: inputs ``[batch, D]``, states ``[[batch, N]]``; returns h, or ``2 h - 1``, and ``[h]``."""
        h = states[0] if isinstance(states, (list, tuple)) else states
        inputs, recurrent = self.dropped(inputs, h, training)
        of_h, bias = self.of_states()
        # gates = sigmoid(W_x x_t + b_x + W_h h_{t-1} + b_h)
        sums = ops.matmul(inputs, self.kernel)
        if of_h is not None:
            sums = sums + ops.matmul(recurrent, of_h)
        if bias is not None:
            sums = sums + bias
        new = self.update(ops.split(gates_of(sums, self.closing), self.gates, axis=-1), h)
        return self.seen(new), [new]

    def of_states(self) -> tuple[Any, Any]:
        """Weights ``[N, G N]`` of states from 0 to 1, and the sum of biases ``[G N]``; None for what there is not."""
        recurrent = self.recurrent_kernel if self.recurrent_gates else None
        bias = self.bias[0] + self.bias[1] if self.use_bias else None
        if not self.centered or recurrent is None:
            return recurrent, bias
        # W_h (2 h - 1) + b = 2 W_h h + (b - W_h 1)
        moved = -ops.sum(recurrent, axis=0)
        return 2.0 * recurrent, moved if bias is None else bias + moved

    def seen(self, h: Any) -> Any:
        """What others see of the states."""
        return 2.0 * h - 1.0 if self.centered else h

    def over_time(self, sequence: Any, first: Any, mask: Any, training: bool, implementation: str | None = None) -> Any:
        """States of all steps, ``[T, batch, N]``: those of :meth:`call` step by step, see :mod:`loop`.

        Parameters
        ----------
        sequence: ``[T, batch, D]``. first: state before it, ``[batch, N]``. mask: ``[T, batch, 1]`` or None.
        implementation: of the layer, see :class:`FlipFlopRNN`.
        """
        dropped, kept = self.drawn_masks(training)
        sequence = sequence if dropped is None else sequence * dropped
        recurrent, bias = self.of_states()
        if implementation == "parallel":
            return parallel.states(self.update, sequence, first, self.kernel, bias, mask, self.closing)
        if implementation in ("fused", "auto") and keras.backend.backend() == "jax":
            from ffhw.training.layers import fused

            if implementation == "fused":
                there = fused.holds(self.units, first.shape[0], self.gates)
            else:
                alone = recurrent is not None and kept is None and not self.closing
                there = alone and fused.serves(self.update, self.slopes, self.gates, sequence)
            if there:
                kernel, recurrent = (ops.convert_to_tensor(part) for part in (self.kernel, recurrent))
                return fused.states(
                    self.update, self.slopes, self.gates, sequence, first, kernel, recurrent, bias, mask
                )
        return loop.states(
            self.update,
            self.slopes,
            sequence,
            first,
            self.kernel,
            bias=bias,
            recurrent=recurrent,
            kept=kept,
            mask=mask,
            training=training,
            closing=self.closing,
        )

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """All flip-flops reset: ``[[batch, N]]`` of zeros."""
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), **cell_config(self)}


class FlipFlopRNN(DropoutRNN):
    """A recurrent layer of N flip-flop neurons: a :class:`FlipFlopCell` along time.

    Takes the arguments of its cell and those of ``keras.layers.RNN`` (``return_sequences``, ``return_state``,
    ``go_backwards``, ``stateful``, ``unroll``); obeys masks; may be wrapped in ``keras.layers.Bidirectional``.

    Input ``[batch, time, D]``; output ``[batch, N]``, or ``[batch, time, N]`` with ``return_sequences``: states from 0
    to 1, from -1 to 1 if ``centered``.

    Parameters
    ----------
    implementation: ``"fused"``: with JAX all steps are one kernel of a GPU or, where there is ``g++``, of a processor
        (:mod:`ffhw.training.layers.fused`), in float32, without ``recurrent_dropout`` and ``closing``, with gates that
        see the state, and on a GPU as many units and sequences as it holds; else it is a loop. Other backends take no
        notice, nor do ``unroll`` and ``zero_output_for_mask``.
        ``"auto"``: with JAX on a processor that kernel where it can be, on GPUs, which are many, and elsewhere a loop.
        ``"parallel"``: with ``recurrent_gates=False``, blocks of steps side by side, on any backend: quicker where a
        step of the loop has little to do (:mod:`ffhw.training.layers.parallel`). ``unroll`` and
        ``zero_output_for_mask`` take Keras' loop all the same.
        None, ``"loop"``: a loop over time (:mod:`ffhw.training.layers.loop`).
    hold_penalty: while training, this times the mean of ``|h_t - h_{t-1}|`` over units and steps that count is part of
        the loss, so that units learn to hold. 0 costs nothing.
    """

    cell_class: ClassVar[type[FlipFlopCell]]
    cell_name: ClassVar[str]

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
        recurrent_gates: bool = True,
        centered: bool = False,
        closing: bool = False,
        own: dict[str, Any] | None = None,
        implementation: str | None = None,
        hold_penalty: float = 0.0,
        **kwargs: Any,
    ) -> None:
        if implementation not in (None, "loop", "fused", "auto", "parallel"):
            raise ValueError(f"implementation must be 'loop', 'fused', 'auto' or 'parallel', not {implementation!r}")
        if implementation == "parallel" and recurrent_gates:
            raise ValueError(
                "implementation='parallel' needs recurrent_gates=False: other gates must wait for the state"
            )
        if implementation == "fused" and (recurrent_dropout or closing or not recurrent_gates):
            raise ValueError("implementation='fused' needs recurrent_gates, and takes no recurrent_dropout nor closing")
        if not 0 <= hold_penalty < math.inf:
            raise ValueError(f"hold_penalty must be at least 0, not {hold_penalty!r}")
        if hold_penalty and (kwargs.get("unroll") or kwargs.get("zero_output_for_mask")):
            raise ValueError("hold_penalty needs the loop over time: neither unroll nor zero_output_for_mask")
        cell = self.cell_class(
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
            recurrent_gates=recurrent_gates,
            centered=centered,
            closing=closing,
            dtype=kwargs.get("dtype"),
            name=self.cell_name,
            **(own or {}),
        )
        super().__init__(cell, **kwargs)
        self.implementation = implementation
        self.hold_penalty = hold_penalty

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """What ``keras.layers.RNN`` asks for: last output, outputs (of every step), states."""
        if self.unroll or self.zero_output_for_mask:
            return super().inner_loop(sequences, initial_state, mask, training)
        mask = None if mask is None else ops.expand_dims(ops.transpose(ops.cast(mask, "bool")), -1)
        sequence = ops.transpose(sequences, (1, 0, 2))
        if self.go_backwards:
            sequence, mask = (part if part is None else ops.flip(part, axis=0) for part in (sequence, mask))
        (first,) = initial_state
        states = self.cell.over_time(sequence, first, mask, training, self.implementation)
        last, given = states[-1], self.cell.seen(states)
        if self.hold_penalty and training:
            self.add_loss(self.hold_penalty * mean_change(first, states, mask))
        if mask is not None:
            # Keras' loop answers zeros until a step counts, whatever the state
            begun = ops.cumsum(ops.cast(mask, "int32"), axis=0) > 0
            given = ops.where(begun, given, 0.0)
        return given[-1], ops.transpose(given, (1, 0, 2)), [last]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["cell"]
        own = {"implementation": self.implementation, "hold_penalty": self.hold_penalty, **self.own_config()}
        return {**config, **own, **cell_config(self.cell)}

    def own_config(self) -> dict[str, Any]:
        """Arguments that a kind has besides the common ones."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> FlipFlopRNN:
        """Layer with these constructor arguments."""
        return cls(**config)


def mean_change(first: Any, states: Any, mask: Any) -> Any:
    """Mean of ``|h_t - h_{t-1}|`` over units and steps that count.

    Parameters
    ----------
    first: ``[batch, N]``. states: ``[T, batch, N]``; where a step does not count, the one before it.
    mask: ``[T, batch, 1]`` or None.
    """
    before = ops.concatenate([ops.expand_dims(first, 0), states[:-1]])
    change = ops.abs(states - before)
    if mask is None:
        return ops.mean(change)
    return ops.sum(change) / (ops.maximum(ops.sum(ops.cast(mask, change.dtype)), 1.0) * states.shape[-1])


def cell_config(cell: FlipFlopCell) -> dict[str, Any]:
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
    plain = ("dropout", "recurrent_dropout", "seed", "recurrent_gates", "centered", "closing")
    return {**config, **{name: getattr(cell, name) for name in plain}}
