"""Sequences of codes as the frames that carry them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ffhw.boards.identity import Identity
from ffhw.boards.link.protocol import MOST_PAYLOAD
from ffhw.errors import InputError
from ffhw.numbers.beats import Packing

Ints = NDArray[np.int64]
# Port, payload, and whether the sequence or the state vector ends there.
Frame = tuple[int, bytes, bool]


def checked_sequence(identity: Identity, sequence: ArrayLike) -> Ints:
    """A sequence ``[time, inputs]`` of input codes that the network can take.

    Raises
    ------
    InputError: it is none.
    """
    packing, rhythm, most = identity.input.packing, identity.rhythm, identity.max_steps
    codes = np.asarray(sequence)
    if codes.ndim != 2 or codes.shape[1] != packing.size or not len(codes):
        raise InputError(f"a sequence must have shape [time, {packing.size}], not {list(codes.shape)}")
    if len(codes) < rhythm.least or (most is not None and len(codes) > most):
        bound = f"from {rhythm.least} to {most}" if most is not None else f"at least {rhythm.least}"
        raise InputError(f"sequences must have {bound} steps, not {len(codes)}")
    return _codes(packing, codes, "input codes")


def frames_of(identity: Identity, codes: Ints, loads: Mapping[str, ArrayLike]) -> Iterator[Frame]:
    """The frames of a sequence, before them those of the states that it starts from.

    Parameters
    ----------
    loads: codes ``[N]`` by layer name.

    Raises
    ------
    InputError: there is no such layer, or no such codes.
    """
    names = [stream.layer for stream in identity.states]
    for name, state in loads.items():
        if name not in names:
            raise InputError(f"no layer whose state can be loaded is named {name!r}: there are {names}")
        packing = identity.states[names.index(name)].packing
        vector = _codes(packing, state, f"state of {name}")
        if vector.shape != (packing.size,):
            raise InputError(f"state of {name} must have shape [{packing.size}], not {list(vector.shape)}")
        yield from cut(names.index(name) + 1, packing, vector[None])
    yield from cut(0, identity.input.packing, codes)


def cut(port: int, packing: Packing, codes: Ints, last: bool = True) -> Iterator[Frame]:
    """Vectors as frames of whole beats; the final one is marked if it is the ``last``."""
    data = packing.pack(codes).tobytes()
    most = MOST_PAYLOAD // packing.beat_bytes * packing.beat_bytes
    for start in range(0, len(data), most):
        yield port, data[start : start + most], last and start + most >= len(data)


def _codes(packing: Packing, codes: ArrayLike, what: str) -> Ints:
    try:
        return packing.format.check(codes, what)
    except (TypeError, ValueError) as error:
        raise InputError(str(error)) from None
