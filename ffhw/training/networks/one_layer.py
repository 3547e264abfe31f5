"""The network of a sequence task: one recurrent layer of any cell, one dense readout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ffhw.training.networks.options import RecurrentOptions
from ffhw.training.networks.recurrent import recurrent_layer

if TYPE_CHECKING:
    from ffhw.training.tasks.sequence import SequenceTask


def build_model(task: SequenceTask, options: RecurrentOptions, inputs: int, seed: int = 0) -> Any:
    """Keras model of a task, its fresh weights within their constraints.

    Parameters
    ----------
    inputs: channels a step. seed: of the sparse connections; weights come from Keras' own seed.
    """
    import keras

    from ffhw.training.layers.constraints import apply_constraints, balance

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
    if not options.connected_freely:
        for weight in model.trainable_variables:
            if weight.name == "recurrent_kernel":
                weight.assign(balance(keras.ops.convert_to_numpy(weight.value), options.dale))
        apply_constraints(model)
    return model
