"""Sums of bits that are each worth a constant: what is left of products where weights are wires.

    c b = |c| ~b + c        where c < 0

so that all bits count upwards, and one constant joins the bias. Each binary digit of |c| puts the bit into a column;
three bits of a column are one full adder, and what they give is added up in a balanced tree.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Shape, Signal, signed, unsigned

from ffhw.layers.base import Ints

# A bit, and what it is worth.
Worth = tuple[Any, int]


def weighted_bits(codes: Sequence[Any], shape: Shape, weights: Ints) -> list[Worth]:
    """Each bit of some codes, and what it is worth in their weighted sum; bits of no worth are left out.

    Parameters
    ----------
    codes: of ``shape``, as many as there are ``weights [D]``.
    """
    # v = sum 2^i v_i, of which a sign bit counts downwards
    worth = [1 << i for i in range(shape.width)]
    if shape.signed:
        worth[-1] = -worth[-1]
    pairs = zip(codes, (int(weight) for weight in weights), strict=True)
    return [(code[i], weight * each) for code, weight in pairs if weight for i, each in enumerate(worth)]


def bit_sum(m: Module, name: str, bits: Sequence[Worth], constant: int, width: int) -> Signal:
    """``constant`` and the worth of all bits that are 1, a signed number of ``width`` bits. Latency: none."""
    columns: dict[int, list[Any]] = {}
    for bit, worth in bits:
        # c b = |c| ~b + c
        constant += min(worth, 0)
        for place in range(abs(worth).bit_length()):
            if abs(worth) >> place & 1:
                columns.setdefault(place, []).append(bit if worth > 0 else ~bit)
    number = itertools.count()
    # the largest that each part can be, smaller ones first
    parts: list[tuple[int, int, Any]] = []
    for place, column in sorted(columns.items()):
        for first in range(0, len(column), 3):
            few = column[first : first + 3]
            part = Signal(unsigned(len(few).bit_length()), name=f"{name}_{next(number)}")
            m.d.comb += part.eq(_full_adder(*few))
            heapq.heappush(parts, (len(few) << place, next(number), part << place))
    while len(parts) > 1:
        (one, _, a), (other, _, b) = heapq.heappop(parts), heapq.heappop(parts)
        total = Signal(unsigned((one + other).bit_length()), name=f"{name}_{next(number)}")
        # total = a + b
        m.d.comb += total.eq(a + b)
        heapq.heappush(parts, (one + other, next(number), total))
    result = Signal(signed(width), name=name)
    # result = constant + sum of |c| b where c > 0 and of |c| ~b where c < 0
    m.d.comb += result.eq((parts[0][2] if parts else 0) + constant)
    return result


def _full_adder(a: Any, b: Any = None, c: Any = None) -> Any:
    """Sum of one to three bits."""
    if b is None:
        return a
    if c is None:
        return Cat(a ^ b, a & b)
    return Cat(a ^ b ^ c, (a & b) | (a & c) | (b & c))
