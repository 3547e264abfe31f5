"""The quantized network beside the float network it comes from, on the same data."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.model import floatnet, golden
from ffhw.model.data import Data
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.model.scores import read_targets, score
from ffhw.shapes import check_shape

_BINS = 41
_AT_ONCE = 1 << 24  # numbers of one layer
_SHAPE = {
    "data": str,
    "sequences": int,
    "steps": int,
    "float": {str: float},
    "quantized": {str: float},
    "same_class?": float,
    "max_difference?": float,
    "rms_difference?": float,
    "output_step?": float,
    "difference_histogram?": {"edges": [float], "counts": [float]},
}


def compare(float_network: FloatNetwork, network: Network, data: Data, where: str = "data") -> dict[str, Any]:
    """Float against quantized network on the same data; ``where`` is what to call the data in messages.

    Returns
    -------
    JSON data: ``float`` and ``quantized`` scores, the largest and the root-mean-square difference of the outputs before
    any softmax, and a histogram of the differences.

    Raises
    ------
    InputError: a form of ``y`` that is not understood.
    """
    every_step = network.return_sequences
    # a few at a time: all layers' numbers of all sequences may not fit the memory
    few = float_network.at_once(data.x.shape[1], _AT_ONCE)
    parts = [slice(begin, begin + few) for begin in range(0, len(data.x), few)]
    exact = np.concatenate([floatnet.forward(float_network, data.x[p], data.lengths[p])[-1] for p in parts])
    outputs = golden.run(network, network.encode(data.x), data.lengths).outputs
    if not every_step:
        exact = exact[:, 0]
    result: dict[str, Any] = {"sequences": len(data.x), "steps": int(data.lengths.sum())}
    shapes = {"float": float_network.signature, "quantized": network.signature}
    if network.head == "argmax":
        # both are asked which output is the largest
        shapes["float"] = dataclasses.replace(shapes["float"], head="softmax")
    for kind, answers in (("float", exact), ("quantized", network.decode(outputs))):
        shape = shapes[kind]
        result[kind] = score(answers, read_targets(data, shape, where), data, shape)
    if network.head == "argmax":
        same = exact.argmax(axis=-1) == outputs[..., 0]
        result["same_class"] = float(same[data.answered(network.signature)].mean() if every_step else same.mean())
        return result
    difference = (network.values(outputs) - exact).reshape(len(outputs), -1, outputs.shape[-1])
    if every_step:
        difference = difference[data.answered(network.signature)]
    counts, edges = np.histogram(difference, bins=_BINS)
    result["max_difference"] = float(np.abs(difference).max())
    result["rms_difference"] = float(np.sqrt(np.square(difference).mean()))
    result["output_step"] = 1.0 / network.output.scale
    result["difference_histogram"] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return result


def check_comparison(content: dict[str, Any], what: str) -> None:
    """Refuse what :func:`compare` cannot have written; ``what`` is its name, for messages.

    Raises
    ------
    InputError: another shape, or figures that cannot be.
    """
    check_shape(content, _SHAPE, what)
    histogram = content.get("difference_histogram", {"edges": [0], "counts": []})
    if set(content["float"]) != set(content["quantized"]) or len(histogram["edges"]) != len(histogram["counts"]) + 1:
        raise InputError(f"{what} compares what does not belong together")
    shares = [v for kind in ("float", "quantized") for key, v in content[kind].items() if "accuracy" in key]
    counts = [content["sequences"] - 1, content["steps"] - 1, *histogram["counts"]]
    falls = (np.diff(histogram["edges"]) < 0).any()
    if min([0.0, *shares]) < 0 or max([1.0, *shares]) > 1 or min(counts) < 0 or falls:
        raise InputError(f"{what} holds figures that cannot be")
