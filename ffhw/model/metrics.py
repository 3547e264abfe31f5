"""How good answers are, for the float network and the quantized one alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from ffhw.model import floatnet, golden
from ffhw.model.floatnet import FloatNetwork
from ffhw.model.network import Network
from ffhw.reading.data import Data

_BINS = 41


def score(values: Any, data: Data, every_step: bool) -> dict[str, float]:
    """Figures of merit of real outputs against ``data.y``.

    Class numbers ``y [batch]``: ``accuracy``, the share of sequences whose last (or only) output is largest at y.
    Targets of the outputs' own shape: ``mse``, and ``sign_accuracy`` where targets are -1 and 1, zeros left out.
    A target of NaN asks for nothing and is left out of both.
    """
    y = data.y
    if y is None:
        return {}
    if y.ndim == 1 and y.dtype.kind in "iu":
        last = values[np.arange(len(values)), data.lengths - 1] if every_step else values
        return {"accuracy": float((last.argmax(axis=-1) == y).mean())}
    if y.shape != values.shape:
        return {}
    counts = ~np.isnan(y)
    if every_step:
        counts &= np.arange(y.shape[1])[None, :, None] < data.lengths[:, None, None]
    result = {"mse": float(np.square(values - y)[counts].mean())}
    if np.isin(y[counts], (-1, 0, 1)).all():
        counts &= y != 0
        result["sign_accuracy"] = float((np.sign(values)[counts] == y[counts]).mean())
    return result


def compare(float_network: FloatNetwork, network: Network, data: Data) -> dict[str, Any]:
    """Float against quantized network on the same data.

    Returns
    -------
    JSON data: ``float`` and ``quantized`` scores, the largest and the root-mean-square difference of the outputs before
    any softmax, and a histogram of the differences.
    """
    every_step = network.return_sequences
    exact = floatnet.forward(float_network, data.x, data.lengths)[-1]
    codes = network.input.quantize(data.x)
    outputs = golden.run(network, codes, data.lengths).outputs
    if not every_step:
        exact = exact[:, 0]
    result: dict[str, Any] = {"sequences": len(data.x), "steps": int(data.lengths.sum())}
    result["float"] = score(exact, data, every_step)
    if network.head == "argmax":
        classes = np.eye(network.output.max + 1)[outputs[..., 0]]
        result["quantized"] = score(classes, data, every_step)
        result["same_class"] = float((exact.argmax(axis=-1) == outputs[..., 0]).mean())
        return result
    values = network.output.dequantize(outputs)
    result["quantized"] = score(values, data, every_step)
    difference = (values - exact).reshape(len(values), -1, values.shape[-1])
    if every_step:
        difference = difference[np.arange(values.shape[1]) < data.lengths[:, None]]
    counts, edges = np.histogram(difference, bins=_BINS)
    result["max_difference"] = float(np.abs(difference).max())
    result["rms_difference"] = float(np.sqrt(np.square(difference).mean()))
    result["output_step"] = 1.0 / network.output.scale
    result["difference_histogram"] = {"edges": edges.tolist(), "counts": counts.tolist()}
    return result
