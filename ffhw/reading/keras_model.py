"""From a Keras description to a float network: the chain of layers, each read through its own table.

What each class means stands with the kinds of layer (:data:`ffhw.layers.READ`); here is only how layers are chained:
Sequential, Functional without branches, one inside the other, ``TimeDistributed`` around what works step by step.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from ffhw.arrays import MOST_ELEMENTS
from ffhw.errors import InputError
from ffhw.layers import READ
from ffhw.layers.base import FloatLayer
from ffhw.layers.description import (
    FLOAT_POLICIES,
    Described,
    Form,
    KerasClass,
    Part,
    Read,
    Weights,
    check_options,
)
from ffhw.model.floatnet import FloatNetwork
from ffhw.reading.assembly import assemble
from ffhw.reading.functional import Call, check_calls
from ffhw.reading.keras_file import StoredWeights, open_model

MODELS = ("Sequential", "Functional")
_SUPPORTED = (
    "JK, SR, Toggle, SimpleRNN, GRU, LSTM, CTRNN, Bidirectional, Dense, Embedding, Conv1D, GlobalAveragePooling1D, "
    "GlobalMaxPooling1D, ConvJK2D, ConvLSTM2D, ConvGRU2D, Conv3D, MaxPooling2D, Flatten, ZeroPadding3D, "
    "Activation, Softmax, ReLU, "
    "BatchNormalization, Normalization, Rescaling, Masking, Dropout, TimeDistributed(Dense), Sequential"
)


def read_model(path: Path | str) -> FloatNetwork:
    """Trained network in a ``.keras`` file.

    Raises
    ------
    InputError: not a ``.keras`` file, a layer or an option that the hardware does not have, or weights that are
        missing, not finite, or of another shape than the options ask for.
    """
    with open_model(path) as (config, weights):
        entries = chain(config, weights)
        network = assemble(_parts(entries, input_form(config, entries)))
        name = config["config"].get("name")
    if not network.layers:
        raise InputError(f"{path} has no layer with weights")
    name = name if isinstance(name, str) and name.isprintable() and name else Path(path).stem
    return dataclasses.replace(network, name=name, state_notes=tuple(_notes(entries)))


def _notes(entries: list[Entry]) -> Iterator[str]:
    """What a user should know of options that hardware has another name for."""
    for entry in entries:
        if entry.options.get("stateful") is True:
            yield f"layer {entry.name!r} is stateful: hardware keeps states across sequences with --keep-state"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One layer of a chain: its class as named and registered, its options, where its weights are, how it is called."""

    name: str
    kind: str
    registered: str | None
    options: dict[str, Any]
    weights: StoredWeights
    call: Call | None = None
    alone: bool = False  # whether it sees each step alone, without the axis of time

    def known(self) -> KerasClass:
        """What is known of its class.

        Raises
        ------
        InputError: nothing, or another class of that name is.
        """
        known = READ.get(self.kind)
        if known is None:
            raise InputError(f"layer {self.name!r} is a {self.kind}, which has no hardware; supported are {_SUPPORTED}")
        if known.registered != self.registered:
            raise InputError(
                f"layer {self.name!r} is a {self.kind}, which has no hardware: it is "
                f"{self.registered or 'not ours'}, not {known.registered or 'the one of Keras'}"
            )
        return known


def chain(config: dict[str, Any], weights: h5py.File) -> list[Entry]:
    """The layers of a model in the order data flows through them, input layers left out."""
    kind = config.get("class_name")
    if kind not in MODELS:
        raise InputError(
            f"the model must be Sequential or Functional, not {kind!r}: subclassed models keep no structure"
        )
    return list(_walk(_mapping(config.get("config"), "the model"), kind, StoredWeights(weights, "layers")))


def _walk(options: dict[str, Any], kind: str, weights: StoredWeights) -> Iterator[Entry]:
    """Entries of a model, those of models inside it in their place."""
    descriptions = options.get("layers")
    if not isinstance(descriptions, list):
        raise InputError("the model has no list of layers")
    calls = check_calls(options, descriptions) if kind == "Functional" else {}
    seen: Counter[str] = Counter()
    for description in descriptions:
        entry = _entry(_mapping(description, "a layer"), weights, seen)
        if calls:
            if entry.name not in calls:
                continue  # part of how a mask is computed
            entry = dataclasses.replace(entry, call=calls[entry.name])
        if entry.kind == "InputLayer":
            _check_input(entry)
        elif entry.kind in MODELS and entry.registered is None:
            yield from _walk(entry.options, entry.kind, entry.weights.part("layers"))
        else:
            yield _unwrapped(entry)


def _entry(description: dict[str, Any], weights: StoredWeights, seen: Counter[str]) -> Entry:
    options = _mapping(description.get("config"), "a layer's config")
    name, kind, module = options.get("name"), description.get("class_name"), description.get("module", "keras.layers")
    if not isinstance(name, str) or not 1 <= len(name) <= 256 or not name.isprintable():
        raise InputError(f"a layer's name must be a short text, not {str(name)[:60]!r}")
    if not isinstance(kind, str) or not isinstance(module, str):
        raise InputError(f"layer {name!r}: its class must be named, not {str(kind)[:60]!r}")
    registered = description.get("registered_name")
    if module.split(".")[0] == "keras" and registered in (None, kind):
        registered = None
    elif registered is None:
        registered = f"{module}.{kind}"
    # Keras numbers the weight groups by class, whatever the layers are called
    group = snake_case(kind)
    number = seen[group]
    seen[group] += 1
    stored = weights.part(group + (f"_{number}" if number else ""))
    if stored.name() not in (None, name):
        raise InputError(f"layer {name!r}: the file holds weights of {stored.name()!r} in its place")
    return Entry(name, kind, str(registered) if registered is not None else None, options, stored)


def snake_case(name: str) -> str:
    """The name Keras gives the weight groups of a class."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _each_step(entry: Entry) -> Entry:
    """The layer inside a ``TimeDistributed``, under the wrapper's name."""
    inner = _mapping(entry.options.get("layer"), f"layer {entry.name!r}: layer")
    rest = {option: value for option, value in entry.options.items() if option != "layer"}
    check_options(entry.name, rest, {})
    wrapped = _entry(inner, entry.weights, Counter())
    known = READ.get(wrapped.kind)
    if known is None or not known.each_step or known.registered != wrapped.registered:
        raise InputError(
            f"layer {entry.name!r}: TimeDistributed({wrapped.kind}) is not supported: only Dense and what has no "
            "weights is"
        )
    return dataclasses.replace(wrapped, name=entry.name, weights=entry.weights.part("layer"), alone=True)


def _of_cell(entry: Entry) -> Entry:
    """The layer whose loop over a cell an ``RNN`` is: options and weights of both are those of the layer."""
    cell = _mapping(entry.options.get("cell"), f"layer {entry.name!r}: cell")
    rest = {option: value for option, value in entry.options.items() if option != "cell"}
    inner = _entry(cell, entry.weights, Counter())
    kind, registered = inner.kind.removesuffix("Cell"), inner.registered and inner.registered.removesuffix("Cell")
    known = READ.get(kind)
    # a cell of another type than its loop computes otherwise than a layer of either
    check_options(entry.name, {"dtype": inner.options.get("dtype")}, {})
    if kind == inner.kind or known is None or known.registered != registered:
        raise InputError(
            f"layer {entry.name!r}: RNN({inner.kind}) is not supported: give a layer that has hardware, one for each "
            f"cell; supported are {_SUPPORTED}"
        )
    return dataclasses.replace(entry, kind=kind, registered=registered, options={**inner.options, **rest})


_WRAPPERS = {"TimeDistributed": _each_step, "RNN": _of_cell}


def _unwrapped(entry: Entry) -> Entry:
    """The layer that an entry means."""
    unwrap = _WRAPPERS.get(entry.kind) if entry.registered is None else None
    return unwrap(entry) if unwrap else entry


def _check_input(entry: Entry) -> None:
    for option in ("sparse", "ragged", "optional"):
        if entry.options.get(option):
            raise InputError(f"layer {entry.name!r}: {option}=True has no hardware; use False")


def input_form(config: dict[str, Any], entries: list[Entry]) -> Form:
    """What a model is given.

    Raises
    ------
    InputError: the model does not take sequences of vectors, of maps, or of tokens, of known size.
    """
    layers = config["config"]["layers"]
    first = next((layer for layer in layers if layer.get("class_name") == "InputLayer"), None)
    dtype: Any = "float32"
    if first is not None:
        shape, dtype = first["config"].get("batch_shape"), first["config"].get("dtype", "float32")
    else:
        shape = _mapping(config.get("build_config") or {}, "build_config").get("input_shape")
    tokens = bool(entries) and getattr(READ.get(entries[0].kind), "takes_tokens", False)
    axes = (2,) if tokens else (3, 5)
    sizes = shape if isinstance(shape, list) and len(shape) in axes else [0]
    known = all(n is None or (type(n) is int and n >= 1) for n in sizes)
    if not known or (None in sizes[2:] and not tokens):
        vectors, maps = "sequences [batch, time, inputs]", "of maps [batch, time, rows, columns, channels]"
        expected = "tokens [batch, time]" if tokens else f"{vectors} or {maps}"
        raise InputError(f"the model takes inputs of shape {shape!r}: hardware takes {expected}; use keras.Input")
    if not tokens and dtype not in FLOAT_POLICIES:
        # Keras would cast the data on the way in
        raise InputError(f"the model takes inputs of dtype {dtype!r}: hardware takes {' or '.join(FLOAT_POLICIES)}")
    if tokens:
        return Form(1, each_step=False)
    form = Form(sizes[-1], maps=(sizes[2], sizes[3]) if len(sizes) == 5 else None)
    if form.elements > MOST_ELEMENTS:
        raise InputError(f"the model takes {form.elements:,} numbers a step: at most {MOST_ELEMENTS:,} are read")
    return form


def _parts(entries: list[Entry], form: Form) -> Iterator[FloatLayer | Part]:
    """What each layer means, with its options and shapes checked; ``form`` is what the first one is given."""
    for number, entry in enumerate(entries):
        known = entry.known()
        if known.takes_tokens and number:
            raise InputError(f"layer {entry.name!r}: {entry.kind} is supported at the input only")
        options = check_options(entry.name, entry.options, known.options)
        known.check_form(entry.name, form)
        seen = dataclasses.replace(form, each_step=form.each_step and not entry.alone)
        given = known.read(Described(entry.name, options, entry.weights, seen, _inside))
        for part in given if isinstance(given, tuple) else (given,):
            form = form.after(part)
            if part is not None:
                yield part
            if entry.call is not None:
                entry.call.follow(part)
    if form.padding is not None:
        raise InputError(f"layer {form.padding.name!r}: zeros around maps need a layer behind them")


def _inside(outer: Described, description: dict[str, Any], weights: Weights) -> Read:
    """What a layer that is described inside another one becomes."""
    assert isinstance(weights, StoredWeights)
    entry = _unwrapped(dataclasses.replace(_entry(description, weights, Counter()), weights=weights))
    options = check_options(entry.name, entry.options, entry.known().options)
    entry.known().check_form(entry.name, outer.given)
    return entry.known().read(Described(entry.name, options, weights, outer.given))


def _mapping(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError(f"{what} must be described by a JSON object, not {str(value)[:60]!r}")
    return value
