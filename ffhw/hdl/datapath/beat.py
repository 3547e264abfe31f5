"""What travels on every stream of a design: some elements of a vector, and whether they end a sequence."""

from __future__ import annotations

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data

from ffhw.numbers.formats import Format


def element_shape(fmt: Format) -> Shape:
    """Shape of one code of a format."""
    return signed(fmt.bits) if fmt.signed else unsigned(fmt.bits)


def beat_layout(shape: Shape, width: int) -> data.StructLayout:
    """Payload of a stream: ``data``, ``width`` elements in order, and ``last``.

    A vector of D elements takes ``ceil(D / width)`` beats; elements past its end carry no meaning. ``last`` counts on a
    vector's final beat only and says that the vector is its sequence's final one.
    """
    return data.StructLayout({"data": data.ArrayLayout(shape, width), "last": 1})
