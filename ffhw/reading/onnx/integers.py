"""The integer graph of a bundle, back to the quantized network.

The graph carries the network that it was made of; it is believed only as far as that network gives the very same graph.
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import Path

from ffhw.arrays import parse_arrays
from ffhw.errors import InputError
from ffhw.model.network import Network
from ffhw.onnx.export import NETWORK, to_onnx
from ffhw.reading.onnx.file import open_onnx


def read_integers(path: Path | str) -> Network:
    """Quantized network of a graph that :func:`ffhw.onnx.export.to_onnx` made.

    Raises
    ------
    InputError: another file, or a graph that is not the one of the network it carries.
    """
    path = Path(path)
    model = open_onnx(path)
    carried = next((entry.value for entry in model.metadata_props if entry.key == NETWORK), None)
    if carried is None:
        raise InputError(f"{path} carries no quantized network: it is not the model.onnx of a bundle")
    try:
        content = base64.b64decode(carried, validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"{path}: the network that it carries is damaged") from None
    network = Network.from_arrays(parse_arrays(io.BytesIO(content), str(path)), str(path))
    if to_onnx(network).graph != model.graph:
        raise InputError(f"{path}: its graph is not that of the network it carries; export the model again")
    return network
