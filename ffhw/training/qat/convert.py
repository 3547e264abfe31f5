"""From a trained Keras model to the same network on integers, ready to train on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer
from ffhw.layers.settled import SPAN, FloatSettled, whole_exponent
from ffhw.model.data import Data, fit_data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.quantize import for_inputs, for_outputs, quantize
from ffhw.numbers.scales import Widths
from ffhw.processes import scratch_folder
from ffhw.reading.keras_model import read_model

# Sequences that calibration looks at.
CALIBRATION = 512


def quantized(
    model: Any,
    widths: Widths | int = 8,
    x: Any = None,
    lengths: Any = None,
    *,
    method: str = "error",
    rounding: bool = True,
    learn_scales: bool = False,
) -> Any:
    """A Keras model of the same weights whose forward pass is the golden model's, code by code.

    It trains with ``fit`` and exports as it is: ``ffhw export`` finds formats and codes in it, and its hardware gives
    the very codes that the model gives. It is not compiled. A model that was made so before is quantized anew from its
    weights, so that widths may shrink in steps; its new formats are chosen by what it gives on its integers.

    Parameters
    ----------
    model: a trained Keras model of layers that hardware has, or its ``.keras`` file.
    widths: bits of weights, states and inputs; one number for all.
    x, lengths: inputs that calibrate the formats, as ``ffhw export --data`` takes them; without, noise of standard
        deviation 1.
    method: how scales are chosen, see :func:`ffhw.numbers.scales.choose_frac`.
    rounding: False leaves all roundings out: the float model again, layer by layer.
    learn_scales: let training move the scales of weights, of the network's inputs and of its outputs, by up to three
        bits each way from where calibration put them.

    Raises
    ------
    InputError: a layer that has no hardware, or cannot train on integers; data that do not fit; scales to learn where
        there are none.
    """
    import keras

    from ffhw.training.qat.layer import Quantized, QuantizedTokens

    if learn_scales and not rounding:
        raise InputError("without rounding there are no scales to learn: leave out learn_scales")
    # scales are chosen by the integers that were trained, numbers go on where they are
    trained = network_of(model)
    network = unsettled(trained, codes=False)
    widths = Widths(widths) if isinstance(widths, int) else widths
    data = _calibration(network, x, lengths)
    method = method if x is not None else "range"
    found = quantize(unsettled(trained, codes=True), data.x, data.lengths, widths, method, seen=trained)
    tokens = found.layers[0].tokens
    layers: list[Any] = [keras.Input((None,), dtype="int32") if tokens else keras.Input((None, found.input_size))]
    if network.mask_value is not None and not tokens:
        layers.append(keras.layers.Masking(network.mask_value))
    last = len(found.layers) - 1
    learned = [_learned(found, place) if learn_scales else () for place in range(last + 1)]
    if learn_scales and not any(learned):
        raise InputError("no layer has a scale of its own: leave out learn_scales")
    for place, layer in enumerate(found.layers):
        own: dict[str, Any] = {"input_exponents": found.input_exponents if place == 0 else ()}
        own["output_exponents"] = found.output_exponents if place == last else ()
        finest = layer.refined(dict.fromkeys(learned[place], SPAN))
        fields = {key: value for key, value in finest.describe().items() if key != "name"}
        shapes = {name: array.shape for name, array in layer.stored().items()}
        kind = Quantized
        if layer.tokens:
            kind, own["mask_zero"] = QuantizedTokens, network.mask_value is not None
        layers.append(kind(fields, shapes, **own, rounding=rounding, learned=learned[place], name=layer.name))
    made = keras.Sequential(layers, name=network.name if network.name.isidentifier() else None)
    for weights, layer, scales in zip(_evened(network, found), found.layers, learned, strict=True):
        numbers = weights.numbers(layer)
        start = [np.array(-float(SPAN)) for _ in scales]
        trains = made.get_layer(layer.name)
        trains.set_weights([*start, *(numbers[name] for name in trains.numbers)])
    return made


def _learned(network: Network, place: int) -> tuple[str, ...]:
    """The scales of a layer that training may move: inside a chain, what a layer gives is what the next one takes."""
    ends = {"input": 0, "output": len(network.layers) - 1}
    return tuple(name for name in network.layers[place].free_scales if ends.get(name, place) == place)


def moved_scales(model: Any) -> dict[str, dict[str, int]]:
    """By how many bits training made the learned scales of a quantized model finer than calibration, by layer."""
    return {
        layer.name: {name: whole_exponent(np.asarray(e.value)) + SPAN for name, e in layer.exponents.items()}
        for layer in model.layers
        if getattr(layer, "learned", ())
    }


def network_of(model: Any) -> FloatNetwork:
    """The network of a Keras model, or of its file."""
    if isinstance(model, (str, Path)):
        return read_model(model)
    with scratch_folder("quantize") as folder:
        model.save(folder / "model.keras")
        return read_model(folder / "model.keras")


def unsettled(network: FloatNetwork, codes: bool) -> FloatNetwork:
    """The network with all its formats still to be chosen; codes: of what its codes are worth, if it has some."""
    layers = [layer.unsettled(codes) if isinstance(layer, FloatSettled) else layer for layer in network.layers]
    return dataclasses.replace(network, layers=tuple(layers))


def _calibration(network: FloatNetwork, x: Any, lengths: Any) -> Data:
    if x is None:
        x = network.layers[0].noise(np.random.default_rng(0), 64, max(32, 2 * network.rhythm.least))
    return fit_data(x, lengths, None, network.signature, "x").head(CALIBRATION)


def _evened(network: FloatNetwork, found: Network) -> list[FloatLayer]:
    """The trained layers, with the channels' own scales folded in."""
    layers = list(network.layers)
    layers[0] = for_inputs(layers[0], found.input_exponents)
    last = for_outputs(layers[-1], found.output_exponents)
    assert last is not None, "exponents were chosen for a layer that cannot have them"
    return [*layers[:-1], last]
