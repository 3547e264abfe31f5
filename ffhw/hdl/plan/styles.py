"""Styles of hardware: which engines a design is made of. A style has a folder of engines and one of their plans.

lanes    units take turns at multipliers, weights lie in memories
gates    every unit has logic of its own, weights are wires; a step a cycle
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from ffhw.errors import InputError
from ffhw.hdl.plan.folding import Folding
from ffhw.layers import rule
from ffhw.layers.base import Layer


@dataclasses.dataclass(frozen=True)
class Style:
    """A style.

    engines, plans: folders of the engines and of their plans, a file a kind. concern: what a kind without one lacks.
    smallest: its smallest design. without: options of an export that it cannot have, and why.
    """

    engines: str
    plans: str
    concern: str
    smallest: str
    without: tuple[str, ...] = ()
    why: str = ""


STYLES = {
    "lanes": Style("ffhw.hdl.engines", "ffhw.hdl.engines.plans", "hardware", "one lane"),
    "gates": Style(
        "ffhw.hdl.engines.gates",
        "ffhw.hdl.engines.gates.plans",
        "hardware of --style gates",
        "a network of gates",
        ("lanes", "simd", "rate", "keep_state", "generic_weights", "loadable"),
        "with --style gates all units work at once, weights are wires and states are flip-flops of their own",
    ),
}


def style_named(name: str) -> Style:
    """The style of a name.

    Raises
    ------
    InputError: there is none; names those that there are.
    """
    if name not in STYLES:
        raise InputError(f"--style must be {' or '.join(STYLES)}, not {name!r}")
    return STYLES[name]


def style_of(folding: Folding | None) -> str:
    """The style of an engine; what has nothing to fold stands beside lanes."""
    return folding.style if folding is not None else "lanes"


def engine_of(layer: Layer, style: str) -> Callable[..., Any]:
    """What builds the engine of a layer.

    Raises
    ------
    InputError: there is no such style, or no hardware of it for the layer's kind.
    """
    chosen = style_named(style)
    found: Callable[..., Any] = rule(chosen.engines, chosen.concern, layer).engine
    return found


def plan_of(layer: Layer, style: str) -> Any:
    """The plan class of a layer's engine; raises as :func:`engine_of`."""
    chosen = style_named(style)
    return rule(chosen.plans, chosen.concern, layer).PLAN
