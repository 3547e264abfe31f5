"""Vectors of codes as AXI4-Stream beats and back: the packing rule of :mod:`ffhw.hdl.axi`, in NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ffhw.numbers.formats import Format

Ints = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Packing:
    """How vectors travel on one port.

    Parameters
    ----------
    format: of an element. size: elements of a vector. width: elements a beat.
    """

    format: Format
    size: int
    width: int

    @property
    def slot_bytes(self) -> int:
        """Bytes an element takes."""
        return -(-self.format.bits // 8)

    @property
    def beat_bytes(self) -> int:
        """Bytes of ``tdata``."""
        return self.width * self.slot_bytes

    @property
    def beats(self) -> int:
        """Beats a vector takes."""
        return -(-self.size // self.width)

    def pack(self, vectors: Ints) -> NDArray[np.uint8]:
        """Bytes ``[vectors * beats, beat_bytes]`` of codes ``[vectors, size]``, zeros past a vector's end."""
        padded = np.zeros((len(vectors), self.beats * self.width), np.int64)
        padded[:, : self.size] = vectors
        raw = padded.astype("<i8").view(np.uint8).reshape(*padded.shape, 8)[..., : self.slot_bytes]
        return np.ascontiguousarray(raw).reshape(len(vectors) * self.beats, self.beat_bytes)

    def unpack(self, beats: NDArray[np.uint8]) -> Ints:
        """Codes ``[vectors, size]`` of bytes ``[vectors * beats, beat_bytes]``."""
        slots = np.ascontiguousarray(beats).reshape(-1, self.slot_bytes)
        raw = np.zeros((len(slots), 8), np.uint8)
        raw[:, : self.slot_bytes] = slots
        codes = raw.view("<i8").reshape(-1)
        if self.format.signed:
            shift = 64 - 8 * self.slot_bytes
            codes = (codes << shift) >> shift
        return codes.reshape(-1, self.beats * self.width)[:, : self.size].astype(np.int64)

    def pack_sequences(self, sequences: Sequence[Ints]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Beats of sequences ``[T_i, size]`` back to back, and ``tlast`` of each beat."""
        data = self.pack(np.concatenate([np.asarray(s) for s in sequences]))
        last = np.zeros(len(data), np.uint8)
        last[np.cumsum([len(s) * self.beats for s in sequences]) - 1] = 1
        return data, last
