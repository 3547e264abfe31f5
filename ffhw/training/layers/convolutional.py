"""What convolutional recurrent layers share, on any backend: gates by convolution, one state map, the loop over time.

A kind is a cell, which says how many gates it has and what they do to the state, and a layer of that cell. Arguments
mean what they mean in ``keras.layers.ConvLSTM2D``.
"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from ffhw.training.layers.dropout import DropoutCell, DropoutRNN
from ffhw.training.layers.hold_bias import HoldBias

# What a cell takes besides the number of filters, and what stands for it if it is not said.
_DEFAULTS: dict[str, Any] = {
    "strides": 1,
    "padding": "valid",
    "data_format": None,
    "dilation_rate": 1,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "recurrent_initializer": "orthogonal",
    "bias_initializer": None,
    "kernel_regularizer": None,
    "recurrent_regularizer": None,
    "bias_regularizer": None,
    "kernel_constraint": None,
    "recurrent_constraint": None,
    "bias_constraint": None,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "seed": None,
}
_KINDS = {
    "initializer": keras.initializers,
    "regularizer": keras.regularizers,
    "constraint": keras.constraints,
}


class ConvCell2D(DropoutCell, keras.Layer):
    """One step of a recurrent layer whose states are F maps, with G gates.

    Weights, gate by gate: ``kernel [kh, kw, C, G F]``, ``recurrent_kernel [kh, kw, F, G F]`` and ``bias [G F]``.

    Parameters
    ----------
    filters: F, a positive integer.
    kernel_size: height and width of both convolutions, or one number for both.
    strides, padding, dilation_rate: of the input's convolution; the state's is ``same`` with strides of 1.
    data_format: ``channels_last`` (``[batch, rows, columns, C]``) or ``channels_first``; None for Keras' own.
    use_bias: whether gates have a bias, one each.
    dropout, recurrent_dropout: share of input and state elements dropped in training: the same ones at all steps of a
        sequence, for all gates.
    options: further arguments of ``keras.layers.ConvLSTM2D``: initializers, regularizers, constraints, ``seed``.

    Raises
    ------
    ValueError: an argument out of range. TypeError: one that there is not.
    """

    gates: ClassVar[int]
    # arguments that only this kind takes, and what stands for each if it is not said
    own_defaults: ClassVar[dict[str, Any]] = {}

    def __init__(self, filters: int, kernel_size: Any, **options: Any) -> None:
        defaults = {**_DEFAULTS, **self.own_defaults}
        own = {name: options.pop(name, default) for name, default in defaults.items()}
        super().__init__(**options)
        if isinstance(filters, bool) or not isinstance(filters, int) or filters <= 0:
            raise ValueError(f"filters must be a positive integer, not {filters!r}")
        self.filters = filters
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.strides = _pair("strides", own.pop("strides"))
        self.dilation_rate = _pair("dilation_rate", own.pop("dilation_rate"))
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be above 1")
        self.padding = own.pop("padding")
        if self.padding not in ("valid", "same"):
            raise ValueError(f"padding must be 'valid' or 'same', not {self.padding!r}")
        self.data_format = own.pop("data_format") or keras.config.image_data_format()
        if self.data_format not in ("channels_last", "channels_first"):
            raise ValueError(f"data_format must be 'channels_last' or 'channels_first', not {self.data_format!r}")
        for name in ("dropout", "recurrent_dropout"):
            if not 0.0 <= own[name] < 1.0:
                raise ValueError(f"{name} must be at least 0 and below 1, not {own[name]!r}")
        if own["bias_initializer"] is None:
            own["bias_initializer"] = self.first_bias()
        for name, value in own.items():
            kind = _KINDS.get(name.rpartition("_")[2])
            setattr(self, name, kind.get(value) if kind else value)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        # the shape of the state is known when the cell is built
        self.state_size = -1

    def first_bias(self) -> Any:
        """Initializer of the biases, where the user names none."""
        return "zeros"

    @property
    def _channels(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights for inputs ``[batch, rows, columns, C]``, or as ``data_format`` says.

        Raises
        ------
        ValueError: rows, columns or channels are not known.
        """
        if None in input_shape[1:]:
            raise ValueError(f"{type(self).__name__} needs a known size of its maps, not {tuple(input_shape)}")
        for name, inputs in (("kernel", input_shape[self._channels]), ("recurrent_kernel", self.filters)):
            role = name.removesuffix("_kernel")
            weight = self.add_weight(
                shape=(*self.kernel_size, inputs, self.gates * self.filters),
                name=name,
                initializer=getattr(self, f"{role}_initializer"),
                regularizer=getattr(self, f"{role}_regularizer"),
                constraint=getattr(self, f"{role}_constraint"),
            )
            setattr(self, name, weight)
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.gates * self.filters,),
                name="bias",
                initializer=_one_row(self.bias_initializer),
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.state_shape = tuple(self._convolved(input_shape))[1:]
        self.built = True

    def _convolved(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        kernel = (*self.kernel_size, input_shape[self._channels], self.filters)
        shape = keras.KerasTensor((1, *input_shape[1:]))
        return (input_shape[0], *self._input_conv(shape, keras.KerasTensor(kernel)).shape[1:])

    def _input_conv(self, x: Any, kernel: Any) -> Any:
        return ops.conv(x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def update(self, x: list[Any], h: list[Any], state: Any) -> Any:
        """New state from the old one and the convolutions of input (biases included) and state, one of each a gate."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> tuple[Any, list[Any]]:
        """One step: inputs ``[batch, rows, columns, C]``, states ``[[batch, rows', columns', F]]``; ``(h, [h])``."""
        state = states[0] if isinstance(states, (list, tuple)) else states
        inputs, recurrent = self.dropped(inputs, state, training)
        x = self._input_conv(inputs, self.kernel)
        if self.use_bias:
            x = x + (self.bias if self._channels == -1 else ops.reshape(self.bias, (1, -1, 1, 1)))
        h = self.of_states(recurrent)
        x, h = (ops.split(part, self.gates, axis=self._channels) for part in (x, h))
        new = self.update(x, h, state)
        return self.seen(new), [new]

    def of_states(self, state: Any) -> Any:
        """The states' share of the gates' sums, ``[batch, rows', columns', G F]``."""
        return ops.conv(state, self.recurrent_kernel, 1, "same", self.data_format)

    def seen(self, h: Any) -> Any:
        """What others see of the states."""
        return h

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """``[[batch, rows', columns', F]]`` of zeros; the cell must be built."""
        return [ops.zeros((batch_size, *self.state_shape), dtype=self.compute_dtype)]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = {"filters": self.filters, "kernel_size": self.kernel_size}
        for name in _DEFAULTS:
            kind = _KINDS.get(name.rpartition("_")[2])
            value = getattr(self, name)
            config[name] = kind.serialize(value) if kind and value is not None else value
        config |= {name: getattr(self, name) for name in self.own_defaults}
        return {**super().get_config(), **config}


class ConvRNN2D(DropoutRNN):
    """A recurrent layer of F maps: a :class:`ConvCell2D` along time.

    Takes the arguments of its cell and ``return_sequences``, ``return_state``, ``go_backwards``, ``stateful``; obeys
    masks; may be wrapped in ``keras.layers.Bidirectional``.

    Input ``[batch, time, rows, columns, C]``; output ``[batch, rows', columns', F]``, with ``return_sequences`` of
    every step: ``[batch, time, rows', columns', F]``. With ``channels_first`` channels come before rows.
    """

    cell_class: ClassVar[type[ConvCell2D]]

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **options: Any,
    ) -> None:
        names = (*_DEFAULTS, *self.cell_class.own_defaults)
        own = {name: options.pop(name) for name in names if name in options}
        cell = self.cell_class(filters, kernel_size, dtype=options.get("dtype"), **own)
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            **options,
        )
        self.input_spec = keras.layers.InputSpec(ndim=5)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """Keras' loop over time; on JAX it would lay a mask ``[batch, time]`` along the columns of maps."""
        if mask is not None and keras.backend.backend() == "jax":
            mask = mask[:, :, None, None, None]
        return super().inner_loop(sequences, initial_state, mask, training)

    def compute_output_shape(self, sequences_shape: tuple[int | None, ...], initial_state_shape: Any = None) -> Any:
        """Shape of the output, and of the state with ``return_state``."""
        batch, steps, *maps = sequences_shape
        state = self.cell._convolved((batch, *maps))
        output = (batch, steps, *state[1:]) if self.return_sequences else state
        return (output, state) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        config = super().get_config()
        del config["cell"]
        own = self.cell.get_config()
        names = ("filters", "kernel_size", *_DEFAULTS, *self.cell.own_defaults)
        return {**config, **{name: own[name] for name in names}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> ConvRNN2D:
        """Layer with these constructor arguments."""
        return cls(**config)


def _pair(name: str, value: Any) -> tuple[int, int]:
    """Two positive integers, from two or from one for both."""
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int) or v < 1 for v in pair):
        raise ValueError(f"{name} must be one or two positive integers, not {value!r}")
    return pair


def _one_row(initializer: Any) -> Any:
    """The initializer of a gate's only bias: HoldBias halves its values between two, their sum is meant."""
    if not isinstance(initializer, HoldBias):
        return initializer
    return lambda shape, dtype=None: ops.sum(initializer((2, *shape), dtype), axis=0)
