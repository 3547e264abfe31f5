"""The engines of a design, one behind the other: their plans, their foldings, the widths of their streams."""

from __future__ import annotations

from collections.abc import Sequence

from ffhw.errors import InputError
from ffhw.hdl.plan.engine import EnginePlan, plan_class
from ffhw.hdl.plan.folding import Folding, Foldings
from ffhw.hdl.plan.styles import style_of
from ffhw.model.network import Network


def plans(network: Network, foldings: Sequence[Folding | None]) -> list[EnginePlan]:
    """The plan of each engine of a design."""
    chain: list[EnginePlan] = []
    for layer, folding, after in zip(network.layers, foldings, _behind(network, foldings), strict=True):
        before = chain[-1].output_width if chain else None
        chain.append(plan_class(layer, style_of(folding))(layer, folding, after, before))
    return chain


def fold(network: Network, lanes: int | Sequence[int], simd: int | Sequence[int], style: str = "lanes") -> Foldings:
    """One folding an engine from a wish for all of them, or from one for each; None for an engine that has nothing to
    fold, which no wish is for.

    ``lanes`` and ``simd`` are cut to what a layer can use. The finishers are as few as keep up with the lanes.

    Raises
    ------
    InputError: a number below 1, or not as many wishes as there are engines to fold; a style that there is not, or not
    for one of the layers.
    """
    kinds = [plan_class(layer, style) for layer in network.layers]
    foldable = [kind.wish(layer, 1, 1) is not None for kind, layer in zip(kinds, network.layers, strict=True)]
    wishes = zip(*(_each(*wish, sum(foldable)) for wish in (("--lanes", lanes), ("--simd", simd))), strict=True)
    each = zip(kinds, network.layers, foldable, strict=True)
    return complete(network, [kind.wish(layer, *next(wishes)) if can else None for kind, layer, can in each])


def _each(name: str, wish: int | Sequence[int], engines: int) -> list[int]:
    """The wish of each engine that can be folded."""
    wishes = list(wish) if isinstance(wish, Sequence) else [wish] * max(engines, 1)
    for value in wishes:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise InputError(f"{name} must be a whole number of at least 1, not {value!r}")
    if isinstance(wish, Sequence) and len(wishes) not in (1, engines):
        raise InputError(f"{name} takes one number for all layers, or one for each of {engines}, not {len(wishes)}")
    return wishes * engines if len(wishes) == 1 else wishes


def complete(network: Network, wishes: Sequence[Folding | None]) -> Foldings:
    """The same foldings with the number of finishers that each engine needs."""
    return tuple(
        None if wish is None else plan_class(layer, wish.style).complete(layer, wish, after)
        for layer, wish, after in zip(network.layers, wishes, _behind(network, wishes), strict=True)
    )


def _behind(network: Network, foldings: Sequence[Folding | None]) -> list[Folding | None]:
    """Of each engine, the folding of the one that takes its beats: the next, or one behind what passes them on."""
    behind: list[Folding | None] = [None]
    for layer, folding in zip(network.layers[:0:-1], foldings[:0:-1], strict=True):
        behind.append(behind[-1] if plan_class(layer, style_of(folding)).transparent else folding)
    return behind[::-1]


def check_foldings(network: Network, foldings: Sequence[Folding | None]) -> Foldings:
    """Foldings once they are known to be ones that this network's engines can have.

    Raises
    ------
    InputError: another number of them, one where there is nothing to fold, numbers that do not fit the layer, or
        several styles.
    """
    if len(foldings) != len(network.layers):
        raise InputError(f"a network of {len(network.layers)} layers needs as many foldings, not {len(foldings)}")
    styles = sorted({style_of(folding) for folding in foldings})
    if len(styles) > 1:
        raise InputError(f"the foldings of a design are of one style, not {' and '.join(styles)}")
    for layer, folding in zip(network.layers, foldings, strict=True):
        lanes, simd = (folding.lanes, folding.simd) if folding else (1, 1)
        wish = plan_class(layer, styles[0]).wish(layer, max(lanes, 1), max(simd, 1))
        if (wish is None) != (folding is None) or (wish and (wish.lanes, wish.simd) != (lanes, simd)):
            raise InputError(f"layer {layer.name!r} cannot be folded as {folding}")
    if complete(network, foldings) != tuple(foldings):
        raise InputError("the finishers of the foldings are not those of their lanes")
    return tuple(foldings)


def input_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's input stream: the first engine's S, or one token."""
    return plans(network, foldings)[0].input_width


def output_width(network: Network, foldings: Sequence[Folding | None]) -> int:
    """Elements a beat of the design's output stream."""
    return plans(network, foldings)[-1].output_width
