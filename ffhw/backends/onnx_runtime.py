"""The bundle's ONNX graph on ONNX Runtime."""

from __future__ import annotations

import os

import numpy as np

# From 1.29 on, the mere import leaves a device number and a database in the user's cache, and sends what it notes.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime  # after it was told to keep quiet

from ffhw.layers.base import Ints


def run(model: bytes, codes: Ints, lengths: Ints) -> Ints:
    """Output codes of the graph, in the shapes of :func:`ffhw.model.golden.run`.

    Parameters
    ----------
    model: a serialized graph of :func:`ffhw.onnx.export.to_onnx`.
    codes: ``[batch, time, D]``; lengths: ``[batch]``.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {"codes": codes.astype(np.int32), "lengths": lengths.astype(np.int32)}
    return np.asarray(session.run(["outputs"], feeds)[0]).astype(np.int64)
