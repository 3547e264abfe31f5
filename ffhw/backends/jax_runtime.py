"""The integer ONNX graph in JAX: one rule an operator, compiled by XLA for whatever device JAX has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ffhw.backends.base import Backend
from ffhw.backends.program import Program, Rule, numpy_type, slices
from ffhw.errors import InputError
from ffhw.layers.base import Ints
from ffhw.model.golden import Result
from ffhw.model.network import Network
from ffhw.onnx.export import to_onnx
from ffhw.onnx.graph import state_name


class Jax(Backend):
    """A network compiled by ``jax.jit``, once for each shape of a batch.

    Accumulators are int32, or int64 where the network's bound asks for it; a device that has no int64 refuses.
    """

    name = "jax"

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.program = Program.of(to_onnx(network).graph)
        self.compiled = jax.jit(self.function)

    def function(self, *given: Any) -> list[Any]:
        """``codes, lengths, *states`` to ``outputs, *states``, all int32: what JAX may compile, batch or export.

        Raises
        ------
        InputError: accumulators need int64, which JAX is not told to have: it would take int32, and wrap around.
        """
        if self.network.integer_bits == 64 and not jax.config.read("jax_enable_x64"):
            raise InputError("accumulators of this network need 64 bits: call it inside jax.enable_x64(True)")
        names = ["codes", "lengths", *map(state_name, self.network.stateful_layers)]
        return self.program.run(RULES, dict(zip(names, given, strict=True)))

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        given = [array.astype(np.int32) for array in (codes, lengths, *self._starts(states, len(codes)))]
        with jax.enable_x64(self.network.integer_bits == 64):
            outputs, *final = self.compiled(*given)
        return self._result(outputs, final)


def _library(*values: Any) -> Any:
    """NumPy for what is known while the program is read, such as shapes; JAX for what is not."""
    return np if all(isinstance(value, (np.ndarray, np.generic)) for value in values) else jnp


def _divide(a: Any, b: Any) -> Any:
    # towards zero, as ONNX divides
    return lax.div(*jnp.broadcast_arrays(jnp.asarray(a), jnp.asarray(b)))


def _matmul(a: Any, b: Any) -> Any:
    return jnp.matmul(a, b, preferred_element_type=a.dtype)


def _gather(table: Any, index: Any, axis: int = 0) -> Any:
    # every index exists; said so that nothing is done about others
    return jnp.take(jnp.asarray(table), index, axis=axis, mode="clip")


def _slice(x: Any, starts: Any, ends: Any, axes: Any, steps: Any = None) -> Any:
    return x[slices(x.ndim, starts, ends, axes, np.ones_like(starts) if steps is None else steps)]


def _squeeze(x: Any, axes: Any = None) -> Any:
    return x.reshape(()) if axes is None else _library(x).squeeze(x, tuple(int(axis) for axis in axes))


def _unsqueeze(x: Any, axes: Any) -> Any:
    return _library(x).expand_dims(x, tuple(int(axis) for axis in axes))


def _reshape(x: Any, shape: Any) -> Any:
    return jnp.reshape(x, [x.shape[axis] if size == 0 else int(size) for axis, size in enumerate(shape)])


def _reverse(x: Any, lengths: Any, batch_axis: int, time_axis: int) -> Any:
    t = jnp.arange(x.shape[time_axis])
    order = jnp.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    return jnp.take_along_axis(x, order[..., None], axis=time_axis)


def _scan(*given: Any, body: Callable[..., list[Any]], num_scan_inputs: int) -> tuple[Any, ...]:
    parts = len(given) - num_scan_inputs

    def step(state: tuple[Any, ...], inputs: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        found = body(*state, *inputs)
        return tuple(found[:parts]), tuple(found[parts:])

    state, outputs = lax.scan(step, tuple(map(jnp.asarray, given[:parts])), given[parts:])
    return (*state, *outputs)


RULES: dict[str, Rule] = {
    "Add": lambda a, b: a + b,
    "ArgMax": lambda x, axis, keepdims: jnp.argmax(x, axis=axis, keepdims=bool(keepdims)),
    # lengths are int64 in the graph; where JAX has none and accumulators need none, int32 holds them as well
    "Cast": lambda x, to: x.astype(jax.dtypes.canonicalize_dtype(numpy_type(to))),
    "Concat": lambda *parts, axis: _library(*parts).concatenate(parts, axis=axis),
    "Div": _divide,
    # every size is meant: none is smaller than what is there
    "Expand": lambda x, shape: jnp.broadcast_to(x, tuple(shape.tolist())),
    "Gather": _gather,
    "Identity": lambda x: x,
    "Less": lambda a, b: a < b,
    "MatMul": _matmul,
    "Max": jnp.maximum,
    "Min": jnp.minimum,
    "Mul": lambda a, b: a * b,
    "Range": lambda start, stop, step: jnp.arange(stop.item()),
    "ReduceMax": lambda x, axes, keepdims: jnp.max(x, axis=tuple(map(int, axes)), keepdims=bool(keepdims)),
    # in the type it has: JAX would widen
    "ReduceSum": lambda x, axes, keepdims=1: jnp.sum(x, tuple(map(int, axes)), x.dtype, keepdims=bool(keepdims)),
    "Reshape": _reshape,
    "ReverseSequence": _reverse,
    "Scan": _scan,
    # objects: a size may be a symbol where a graph is exported for all sizes
    "Shape": lambda x, start=0, end=None: np.array(x.shape[start:end], object),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": lambda a, b: a - b,
    "Transpose": lambda x, perm: jnp.transpose(x, perm),
    "Unsqueeze": _unsqueeze,
    "Where": lambda condition, a, b: jnp.where(condition, a, b),
}
