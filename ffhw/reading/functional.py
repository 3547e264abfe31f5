"""The calls of a Functional model: a plain chain, each layer called once with nothing but what the one before gives.

A mask that starts at the input travels along such a model as an argument of its calls; Keras computes it by layers of
their own (NotEqual, Any), which are understood here and take no part in the chain.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ffhw.errors import InputError
from ffhw.layers.description import Mask

_MASK_LAYERS = ("NotEqual", "Any")


@dataclasses.dataclass
class _Masks:
    """Masks by the name of the layer that gives them: the value that is padding; and the one that is in force."""

    value: dict[str, float]
    in_force: float | None = None


@dataclasses.dataclass
class Call:
    """How a layer is called; ``mask`` is the padding's value of the mask that it is given, if any."""

    name: str
    mask: float | None
    masks: _Masks

    def follow(self, part: Any) -> None:
        """Take note of a mask that this layer starts; check the one it is given.

        Raises
        ------
        InputError: a mask that is not the one of the input's padding.
        """
        if isinstance(part, Mask):
            self.masks.in_force = part.value
        elif self.mask is not None and self.mask != self.masks.in_force:
            raise InputError(f"layer {self.name!r} is called with a mask of its own, which has no hardware")


def check_calls(options: dict[str, Any], descriptions: list[Any]) -> dict[str, Call]:
    """How each layer of the chain is called, by name; layers that only compute a mask are left out.

    Raises
    ------
    InputError: anything but a chain of single calls, from one input to one output.
    """
    masks = _Masks({})
    calls: dict[str, Call] = {}
    before: str | None = None
    for description in descriptions:
        name = _mapping(description.get("config")).get("name") if isinstance(description, dict) else None
        nodes = description.get("inbound_nodes", []) if isinstance(description, dict) else None
        if not isinstance(name, str) or not isinstance(nodes, list):
            raise InputError("a layer of the model is not described as Keras does it")
        if description.get("class_name") in _MASK_LAYERS and name not in calls:
            _note_mask(masks, name, description, nodes, next(iter(calls), None))
            continue
        sources, mask = _arguments(name, nodes, masks)
        if sources != ([] if before is None else [before]):
            raise InputError(
                f"layer {name!r} takes {sources or 'nothing'}: only a plain chain of layers, "
                "each fed by the one before it, becomes hardware"
            )
        calls[name] = Call(name, mask, masks)
        before = name
    for option, end in (("input_layers", next(iter(calls), None)), ("output_layers", before)):
        names = _ends(options.get(option))
        if names != [end]:
            raise InputError(f"the model has {option} {names}: hardware has one input and one output, the chain's ends")
    return calls


def _arguments(name: str, nodes: list[Any], masks: _Masks) -> tuple[list[str], float | None]:
    """Layers that a layer is fed by, and the padding's value of the mask it is given."""
    if len(nodes) > 1:
        raise InputError(f"layer {name!r} is called {len(nodes)} times: only a plain chain of layers becomes hardware")
    if not nodes:
        return [], None
    node = nodes[0] if isinstance(nodes[0], dict) else {}
    arguments = node.get("args")
    named = node.get("kwargs", {})
    if not isinstance(arguments, list) or not isinstance(named, dict):
        raise InputError(f"layer {name!r}: its call is not described as Keras does it")
    flat = [entry for argument in arguments for entry in (argument if isinstance(argument, list) else [argument])]
    sources = [_source(argument) for argument in flat]
    if None in sources:
        raise InputError(f"layer {name!r} is called with {flat[sources.index(None)]!r}, which has no hardware")
    mask = None
    for option, value in named.items():
        if option == "mask" and _source(value) in masks.value:
            mask = masks.value[str(_source(value))]
        elif value is not None and not (option == "training" and value is False):
            raise InputError(f"layer {name!r} is called with {option}={str(value)[:60]}, which has no hardware")
    return [source for source in sources if source is not None], mask


def _note_mask(masks: _Masks, name: str, description: dict[str, Any], nodes: list[Any], start: str | None) -> None:
    """A layer that computes the mask of the model's input: ``NotEqual(v, value)``, for vectors ``Any`` of the elements.

    start: name of the input; a mask of anything else is one that the model computes for itself.
    """
    kind = description["class_name"]
    node = nodes[0] if len(nodes) == 1 and isinstance(nodes[0], dict) else {}
    arguments = node.get("args")
    if (
        isinstance(arguments, list)
        and arguments
        and not any(v is not None for v in _mapping(node.get("kwargs")).values())
    ):
        if (
            kind == "NotEqual"
            and len(arguments) == 2
            and type(arguments[1]) in (int, float)
            and start is not None
            and _source(arguments[0]) == start
        ):
            masks.value[name] = float(arguments[1])
            return
        source = _source(arguments[0])
        axis = description["config"].get("axis")
        if kind == "Any" and source in masks.value and len(arguments) == 1 and _is_last(axis):
            masks.value[name] = masks.value[source]
            return
    raise InputError(f"layer {name!r} is a {kind}, which has no hardware")


def _mapping(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def _is_last(axis: Any) -> bool:
    """Whether an axis of steps ``[batch, time, D]`` is that of their elements."""
    return axis in (-1, 2, [-1], [2])


def _source(value: Any) -> str | None:
    """Name of the layer whose only output a call's argument is."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        history = _mapping(value.get("config")).get("keras_history")
        if isinstance(history, list) and len(history) == 3 and history[1:] == [0, 0] and isinstance(history[0], str):
            return history[0]
    return None


def _ends(value: Any) -> list[Any]:
    """Names of the layers at a model's input or output."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        value = [value]
    if not isinstance(value, list):
        return [None]
    return [entry[0] if isinstance(entry, list) and entry else None for entry in value]
