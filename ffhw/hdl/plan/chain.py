"""The engines of a design, one behind the other: their plans, their foldings, the widths of their streams."""

from __future__ import annotations

from collections.abc import Sequence

from ffhw.errors import InputError
from ffhw.hdl.plan.engine import EnginePlan, plan_class
from ffhw.hdl.plan.folding import Folding, Foldings
from ffhw.model.network import Network


def plans(network: Network, foldings: Sequence[Folding | None]) -> list[EnginePlan]:
    """The plan of each engine of a design."""
    following = [*foldings[1:], None]
    return [
        plan_class(layer)(layer, folding, after)
        for layer, folding, after in zip(network.layers, foldings, following, strict=True)
    ]


def fold(network: Network, lanes: int, simd: int) -> Foldings:
    """One folding an engine from a wish for all of them; None for an engine that has nothing to fold.

    ``lanes`` and ``simd`` are cut to what a layer can use. The finishers are as few as keep up with the lanes.

    Raises
    ------
    InputError: a number below 1.
    """
    for name, value in (("--lanes", lanes), ("--simd", simd)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
    return complete(network, [plan_class(layer).wish(layer, lanes, simd) for layer in network.layers])


def complete(network: Network, wishes: Sequence[Folding | None]) -> Foldings:
    """The same foldings with the number of finishers that each engine needs."""
    return tuple(
        None if wish is None else plan_class(layer).complete(layer, wish, after)
        for layer, wish, after in zip(network.layers, wishes, [*wishes[1:], None], strict=True)
    )


def input_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's input stream: the first engine's S, or one token."""
    return plans(network, foldings)[0].input_width


def output_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's output stream."""
    return plans(network, foldings)[-1].output_width
