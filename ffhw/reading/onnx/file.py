"""Opening an ``.onnx`` file as data, within limits, and without following anything out of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from onnx import TensorProto, numpy_helper

from ffhw.errors import InputError
from ffhw.files import read_regular

MOST_BYTES = 256 << 20
MOST_NODES = 10_000
MOST_ELEMENTS = 1 << 24
# Operators of this opset or a newer one are understood.
OLDEST_OPSET = 9


def open_onnx(path: Path) -> onnx.ModelProto:
    """The model in a file, the functions that it defines written out where they are called.

    Raises
    ------
    InputError: not an ONNX file, a damaged one, or one beyond the limits of this module.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, expected an .onnx file")
    content = read_regular(path, MOST_BYTES)
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # protobuf meets whatever is in the file
        raise InputError(f"{path} is not an ONNX file") from None
    _check_texts(path, model.graph)
    if not model.graph.node:
        raise InputError(f"{path} is not an ONNX file, or holds no operators")
    opsets = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not opsets or opsets[0] < OLDEST_OPSET:
        raise InputError(f"{path} uses opset {opsets[0] if opsets else 'none'}: export it with opset 17 or a newer one")
    _check_size(path, model, len(model.graph.node))
    if model.functions:
        _check_size(path, model, sum(len(function.node) for function in model.functions))
        try:
            model = onnx.inliner.inline_local_functions(model)
        except Exception as error:  # the library has exceptions of its own
            raise InputError(f"{path}: its functions cannot be written out ({str(error)[:100]})") from None
        _check_size(path, model, len(model.graph.node))
        _check_texts(path, model.graph)
    return model


def _texts(graph: onnx.GraphProto) -> Iterator[Any]:
    """All names in a graph, and in those inside it; a damaged one may be bytes."""
    yield graph.name
    yield from (thing.name for things in (graph.initializer, graph.input, graph.output) for thing in things)
    for node in graph.node:
        yield from (*node.input, *node.output, node.name, node.op_type, node.domain)
        for attribute in node.attribute:
            yield attribute.name
            yield from _texts(attribute.g)


def _check_texts(path: Path, graph: onnx.GraphProto) -> None:
    if not all(isinstance(text, str) for text in _texts(graph)):
        raise InputError(f"{path} is damaged: not all of its names are texts")


def _check_size(path: Path, model: onnx.ModelProto, nodes: int) -> None:
    if nodes > MOST_NODES:
        raise InputError(f"{path} has {nodes:,} operators, at most {MOST_NODES:,} are read")


def constant(tensor: TensorProto) -> np.ndarray:
    """Numbers of a tensor that is stored in the file itself.

    Raises
    ------
    InputError: they are elsewhere, too many, not finite, or no numbers.
    """
    where = f"tensor {tensor.name[:60]!r}"
    if tensor.data_location == TensorProto.EXTERNAL:
        raise InputError(f"{where} lies in another file: save the model as one file (PyTorch: external_data=False)")
    if any(size < 0 for size in tensor.dims) or math.prod(tensor.dims) > MOST_ELEMENTS:
        raise InputError(f"{where} has shape {list(tensor.dims)}: at most {MOST_ELEMENTS:,} numbers are read")
    try:
        array: Any = numpy_helper.to_array(tensor)
    except Exception:  # the library meets whatever is in the file
        raise InputError(f"{where} is damaged") from None
    if array.dtype.kind not in "iufb":
        raise InputError(f"{where} holds {array.dtype}, which is not understood")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise InputError(f"{where} holds numbers that are not finite")
        array = array.astype(np.float64)
    return np.asarray(array)
