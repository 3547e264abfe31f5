"""Reading a trained ``.keras`` file as data.

The archive's JSON and HDF5 parts are parsed here. Keras is never asked to build the model, so that nothing stored
in the file, a Lambda layer's code for example, is ever executed, and no framework needs to be installed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import FloatLayer
from ffhw.layers.dense import FloatDense
from ffhw.layers.embedding import FloatEmbedding
from ffhw.layers.jk import FloatJK
from ffhw.model.floatnet import FloatNetwork

# Layers that do nothing once training is over, or that only tell where padding is: hardware is fed exact lengths.
TRANSPARENT = {"InputLayer", "Masking", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout"}
_ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax")
# The name Keras gives the weight groups of a class.
_GROUPS = {"JK": "jk", "Dense": "dense", "Embedding": "embedding", "TimeDistributed": "time_distributed"}
_SUPPORTED = "JK, Dense, Embedding, Activation, Softmax, ReLU, Masking, Dropout, TimeDistributed(Dense)"


def read_model(path: Path | str) -> FloatNetwork:
    """Trained network in a ``.keras`` file.

    Raises
    ------
    InputError: not a ``.keras`` file, a layer or an option that the hardware does not have, or weights that are missing
        or not finite.
    """
    with open_model(path) as (config, weights):
        chain = layer_chain(config)
        merged = _merge_activations(list(_layers(chain, weights)))
    if not merged:
        raise InputError(f"{path} has no layer with weights")
    masks = [d["config"].get("mask_value", 0.0) for d in chain if d["class_name"] == "Masking"]
    name = str(config["config"].get("name", Path(path).stem))
    return FloatNetwork(name, tuple(merged), mask_value=float(masks[0]) if masks else None)


@contextlib.contextmanager
def open_model(path: Path | str) -> Iterator[tuple[dict[str, Any], h5py.File]]:
    """Configuration and weights of a ``.keras`` file, as data.

    Raises
    ------
    InputError: not a ``.keras`` file, or what the caller looks for inside is not there.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
            weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder, expected a .keras file") from None
    except PermissionError:
        raise InputError(f"{path} cannot be read: permission denied") from None
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError):
        raise InputError(f"{path} is not a .keras file: save the model with model.save('model.keras')") from None
    with weights:
        try:
            yield config, weights
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(f"{path} has a structure this version cannot read (missing {error})") from None


@dataclasses.dataclass(frozen=True)
class _Activation:
    """An activation that stands as a layer of its own."""

    name: str
    activation: str


def layer_chain(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Layer descriptions in the order data flows through them."""
    kind = config.get("class_name")
    if kind not in ("Sequential", "Functional"):
        raise InputError(
            f"the model must be Sequential or Functional, not {kind!r}: subclassed models keep no structure"
        )
    layers = config["config"]["layers"]
    if kind == "Functional":
        for before, layer in itertools.pairwise(layers):
            sources = re.findall(r'"keras_history": \["([^"]+)"', json.dumps(layer.get("inbound_nodes", [])))
            if sources != [before["config"]["name"]]:
                raise InputError(
                    f"layer {layer['config']['name']!r} takes {sources or 'nothing'}: only a plain chain of layers, "
                    "each fed by the one before it, becomes hardware"
                )
    return list(layers)


def _layers(chain: list[dict[str, Any]], weights: h5py.File) -> Any:
    """Float layers and activations of a chain."""
    seen: Counter[str] = Counter()
    for description in chain:
        kind, options = description["class_name"], description["config"]
        # Keras numbers the weight groups by class, whatever the layers are called
        group = f"layers/{_GROUPS.get(kind)}" + (f"_{seen[kind]}" if seen[kind] else "")
        seen[kind] += 1
        if kind == "TimeDistributed":
            kind, options = options["layer"]["class_name"], {**options["layer"]["config"], "name": options["name"]}
            group += "/layer"
            if kind != "Dense":
                raise InputError(f"layer {options['name']!r}: TimeDistributed({kind}) is not supported: only Dense is")
        if kind in TRANSPARENT:
            continue
        name = options["name"]
        if kind == "JK" and description.get("registered_name") == "ffhw>JK":
            yield _read_jk(name, options, weights, group)
        elif kind == "Dense":
            yield read_dense(name, options, weights, group)
        elif kind == "Embedding":
            yield FloatEmbedding(name, weight_array(weights, f"{group}/vars/0", name))
        elif kind == "Activation":
            yield _Activation(name, _check_activation(name, options["activation"]))
        elif kind in ("Softmax", "ReLU"):
            _require_plain(
                name, options, {"axis": (-1, 2, None), "max_value": (None,), "negative_slope": (0.0, 0, None)}
            )
            yield _Activation(name, kind.lower())
        else:
            raise InputError(f"layer {name!r} is a {kind}, which has no hardware; supported are {_SUPPORTED}")


def _read_jk(name: str, options: dict[str, Any], weights: h5py.File, group: str) -> FloatJK:
    _require_plain(name, options, {"go_backwards": (False,), "return_state": (False,)})
    kernel = weight_array(weights, f"{group}/cell/vars/0", name)
    recurrent = weight_array(weights, f"{group}/cell/vars/1", name)
    units = options["units"]
    bias = np.zeros(2 * units)
    if options.get("use_bias", True):
        # hardware needs one bias: the input's and the recurrent one are always added
        bias = weight_array(weights, f"{group}/cell/vars/2", name).sum(axis=0)
    return FloatJK(
        name=name,
        weights_x=kernel.T.reshape(2, units, -1),
        weights_h=recurrent.T.reshape(2, units, units),
        bias=bias.reshape(2, units),
        return_sequences=bool(options.get("return_sequences", False)),
    )


def read_dense(name: str, options: dict[str, Any], weights: h5py.File, group: str) -> FloatDense:
    """Dense layer whose weights stand under ``group``."""
    activation = _check_activation(name, options["activation"])
    kernel = weight_array(weights, f"{group}/vars/0", name)
    bias = (
        weight_array(weights, f"{group}/vars/1", name) if options.get("use_bias", True) else np.zeros(kernel.shape[1])
    )
    return FloatDense(name, kernel.T, bias, activation)


def _check_activation(name: str, activation: Any) -> str:
    if activation not in _ACTIVATIONS:
        shown = activation.get("class_name", activation) if isinstance(activation, dict) else activation
        raise InputError(f"layer {name!r}: activation must be one of {', '.join(_ACTIVATIONS)}, not {shown!r}")
    return str(activation)


def _require_plain(name: str, options: dict[str, Any], allowed: dict[str, tuple[Any, ...]]) -> None:
    for option, values in allowed.items():
        if options.get(option, values[0]) not in values:
            raise InputError(f"layer {name!r}: {option}={options[option]!r} has no hardware; use {values[0]!r}")


def weight_array(weights: h5py.File, key: str, name: str) -> Any:
    """Finite weights stored under ``key``; ``name`` is the layer's, for messages."""
    if key not in weights:
        raise InputError(f"layer {name!r}: its weights {key} are missing from the file")
    array = np.asarray(weights[key], dtype=np.float64)
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise InputError(f"layer {name!r}: {bad} of {array.size} weights are not finite numbers: train the model again")
    return array


def _merge_activations(layers: list[FloatLayer | _Activation]) -> list[FloatLayer]:
    """Fold each activation layer into the dense layer before it."""
    merged: list[FloatLayer] = []
    for layer in layers:
        if not isinstance(layer, _Activation):
            merged.append(layer)
            continue
        if layer.activation == "linear":
            continue
        before = merged[-1] if merged else None
        if not isinstance(before, FloatDense) or before.activation != "linear":
            raise InputError(f"layer {layer.name!r}: {layer.activation} is supported after a linear Dense layer only")
        merged[-1] = dataclasses.replace(before, activation=layer.activation)
    for layer in merged[:-1]:
        if isinstance(layer, FloatDense) and layer.activation == "softmax":
            raise InputError(f"layer {layer.name!r}: softmax is supported at the output only")
    return merged
