"""A trained network in floats as one portable JAX program, of any batch and time, for processors that are not here.

Needs Keras' JAX backend (``KERAS_BACKEND=jax``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from jax import ShapeDtypeStruct, export, grad, jit

from ffhw.errors import InputError

PLATFORMS = ("cpu", "cuda", "tpu")
# The shortest sequences that a program takes: JAX wants to know that there is more than one step.
LEAST_STEPS = 2


def portable(model: Any, platforms: Sequence[str] = PLATFORMS, training: bool = False) -> export.Exported:
    """A Keras model lowered for these platforms; ``.serialize()`` gives bytes that ``jax.export.deserialize`` reads.

    It takes the trainable weights, a list of float32 arrays as ``model.trainable_variables`` has them, and inputs
    float32 ``[batch, time, D]`` of at least :data:`LEAST_STEPS` steps, and gives the model's outputs, or with
    ``training`` the gradients of their mean square by the weights. All else that the model holds is in the program.

    Raises
    ------
    InputError: Keras runs on another backend, or the model does not take sequences of vectors.
    """
    if keras.backend.backend() != "jax":
        raise InputError(f"a portable program needs KERAS_BACKEND=jax, not {keras.backend.backend()}")
    if len(model.input_shape) != 3:
        raise InputError(f"a portable program takes inputs [batch, time, D], {model.name!r} takes {model.input_shape}")
    scope = export.SymbolicScope([f"time >= {LEAST_STEPS}"])
    batch, time = export.symbolic_shape("batch, time", scope=scope)
    weights = [ShapeDtypeStruct(variable.shape, variable.dtype) for variable in model.trainable_variables]
    lower = export.export(jit(function_of(model, training)), platforms=list(platforms))
    return lower(weights, ShapeDtypeStruct((batch, time, model.input_shape[-1]), "float32"))


def function_of(model: Any, training: bool = False) -> Callable[[list[Any], Any], Any]:
    """What :func:`portable` lowers, for those who compile it themselves."""
    fixed = [variable.value for variable in model.non_trainable_variables]

    def answer(weights: list[Any], x: Any) -> Any:
        return model.stateless_call(weights, fixed, x, training=training)[0]

    if not training:
        return answer
    return grad(lambda weights, x: (answer(weights, x) ** 2).mean())
