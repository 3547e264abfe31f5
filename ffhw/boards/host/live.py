"""A sequence whose steps come one by one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ffhw.boards.host.frames import Frame, cut
from ffhw.boards.host.session import Answer
from ffhw.boards.host.wire import LinkError
from ffhw.boards.identity import Identity
from ffhw.errors import InputError

Ints = NDArray[np.int64]


class LiveSequence:
    """Steps that were given, steps that were sent, answers that came.

    Attributes
    ----------
    steps: given so far. is_open: steps were sent, and none of them as the last.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.steps = 0
        self.is_open = False
        self._sent = self._answered = 0
        self._held: list[Ints] = []
        self._bytes = b""

    def add(self, codes: Ints) -> None:
        """A step's codes ``[1, inputs]``.

        Raises
        ------
        InputError: another number of inputs, or one step too many.
        """
        size, most = self.identity.input.packing.size, self.identity.max_steps
        if codes.shape[1] != size:
            raise InputError(f"a step must have {size} numbers, not {codes.shape[1]}")
        if most is not None and self.steps == most:
            raise InputError(f"sequences must have at most {most} steps")
        self.steps += 1
        self._held.append(codes)

    def frames(self, ends: bool, holds: bool) -> Iterator[Frame]:
        """Port, payload and end of the frames that can be sent now.

        Parameters
        ----------
        ends: no further step comes. holds: the last step must be marked.
        """
        if ends and holds and 0 < self.steps < self.identity.rhythm.least:
            raise InputError(f"sequences must have at least {self.identity.rhythm.least} steps, not {self.steps}")
        packing = self.identity.input.packing
        while len(self._held) > (1 if holds and not ends else 0):
            codes, self._sent = self._held.pop(0), self._sent + 1
            last = holds and ends and not self._held
            self.is_open = not last
            yield from cut(0, packing, codes, last)

    def due(self, ends: bool) -> bool:
        """Whether an answer must come before anything more is sent."""
        rhythm = self.identity.rhythm
        if rhythm.once or rhythm.stride > 1 or self.identity.max_steps is not None:
            # these wait for the end
            return ends and self._sent > 0 and self._answered < int(rhythm.steps(self._sent))
        return self._answered < int(rhythm.steps(self._sent))

    def take(self, answer: Answer) -> list[Ints]:
        """Output codes ``[outputs]`` that an answer completes.

        Raises
        ------
        LinkError: it is none to this sequence.
        """
        if answer.port != 0:
            return []  # a state, which nobody asked for
        if answer.marked:
            raise LinkError("the device says that the sequence has a wrong length")
        packing = self.identity.output.packing
        self._bytes += answer.payload
        whole = len(self._bytes) // (packing.beats * packing.beat_bytes) * packing.beats * packing.beat_bytes
        beats = np.frombuffer(self._bytes[:whole], np.uint8).reshape(-1, packing.beat_bytes)
        self._bytes = self._bytes[whole:]
        vectors = list(packing.unpack(beats)) if whole else []
        self._answered += len(vectors)
        return vectors
