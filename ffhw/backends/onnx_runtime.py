"""The integer ONNX graph on ONNX Runtime."""

from __future__ import annotations

import os

import numpy as np

# From 1.29 on, the mere import leaves a device number and a database in the user's cache, and sends what it notes.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["ORT_TELEMETRY_DISABLED"] = "1"

import onnxruntime  # after it was told to keep quiet

from ffhw.backends.base import Backend
from ffhw.layers.base import Ints
from ffhw.model.golden import Result
from ffhw.model.network import Network
from ffhw.onnx.export import to_onnx
from ffhw.onnx.graph import final_name, state_name


class OnnxRuntime(Backend):
    """``model``: the serialized graph of :func:`ffhw.onnx.export.to_onnx`, made of the network if None."""

    name = "onnx"

    def __init__(self, network: Network, model: bytes | None = None) -> None:
        super().__init__(network)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        model = to_onnx(network).SerializeToString() if model is None else model
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        layers = self.network.stateful_layers
        starts = dict(zip(map(state_name, layers), self._starts(states, len(codes)), strict=True))
        feeds = {"codes": codes, "lengths": lengths, **starts}
        wanted = ["outputs", *map(final_name, layers)]
        outputs, *final = self.session.run(wanted, {name: array.astype(np.int32) for name, array in feeds.items()})
        return self._result(outputs, final)
