"""What every backend is: the golden model's integers by other means, states in and out, a step at a time if wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from ffhw.errors import InputError
from ffhw.layers.base import Ints
from ffhw.layers.rhythm import Rhythm
from ffhw.model import golden
from ffhw.model.golden import Result
from ffhw.model.network import Network


class Backend:
    """A quantized network on one runtime; what it gives equals :func:`ffhw.model.golden.run` in every code."""

    name: ClassVar[str]
    keeps_state: ClassVar[bool] = True  # whether states can be given and read

    def __init__(self, network: Network) -> None:
        self.network = network

    def run(
        self, codes: ArrayLike, lengths: ArrayLike | None = None, states: Mapping[str, ArrayLike] | None = None
    ) -> Result:
        """Run sequences of input codes.

        Parameters
        ----------
        codes: integers ``[batch, time, D]`` of format ``network.input``.
        lengths: steps of each sequence, ``[batch]``; ``time`` if None.
        states: codes to start from, ``[batch, state_size]`` by layer name; zero where absent.

        Returns
        -------
        Outputs and final states as int64, without traces; see :class:`ffhw.model.golden.Result`.

        Raises
        ------
        InputError: wrong shape, type, range, lengths or states.
        """
        network = self.network
        x = golden.check_input(network, codes)
        length = golden.check_lengths(network, lengths, x.shape[0], x.shape[1])
        return self._run(x, length, self._checked(dict(states), len(x)) if states else {})

    def stream(self, batch: int = 1) -> Stream:
        """Sequences that are given a step at a time, so many at once."""
        return Stream(self, batch)

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        """The same of what is known to be right."""
        raise NotImplementedError

    def _starts(self, states: dict[str, Ints], batch: int) -> list[Ints]:
        """The states that all layers with one start from, in order."""
        zero = [np.zeros((batch, layer.state_size), np.int64) for layer in self.network.stateful_layers]
        return [states.get(layer.name, z) for layer, z in zip(self.network.stateful_layers, zero, strict=True)]

    def _result(self, outputs: ArrayLike, final: Iterable[ArrayLike]) -> Result:
        """What a runtime gave, as the golden model gives it."""
        names = [layer.name for layer in self.network.stateful_layers]
        states = {name: np.asarray(state).astype(np.int64) for name, state in zip(names, final, strict=True)}
        return Result(np.asarray(outputs).astype(np.int64), states, {})

    def _checked(self, given: dict[str, ArrayLike], batch: int) -> dict[str, Ints]:
        if not self.keeps_state:
            raise InputError(f"backend {self.name} takes no states")
        states = {}
        for layer in self.network.stateful_layers:
            if layer.name not in given:
                continue
            shape = (batch, layer.state_size)
            state = np.asarray(given.pop(layer.name))
            if state.shape != shape:
                raise InputError(f"state of {layer.name!r} must have shape {list(shape)}, not {list(state.shape)}")
            try:
                states[layer.name] = layer.check_state(state)
            except (TypeError, ValueError) as error:
                raise InputError(str(error)) from None
        if given:
            raise InputError(f"no layer with a state is named {', '.join(map(repr, given))}")
        return states


class Stream:
    """Sequences a step at a time: each call takes the next step of all of them and gives what it answers.

    A network that answers once a sequence gives the answer of the sequence so far.

    Raises
    ------
    InputError: a layer needs more of a sequence than its last step and a state.
    """

    def __init__(self, backend: Backend, batch: int = 1) -> None:
        if not backend.keeps_state:
            raise InputError(f"backend {backend.name} takes no states, and so no single steps")
        for layer in backend.network.layers:
            each = layer.rhythm == Rhythm() or layer.state_size
            if layer.stores or not each:
                raise InputError(
                    f"layer {layer.name!r} ({layer.kind}) answers from several steps at once: give whole sequences"
                )
        self.backend, self.batch = backend, batch
        self.states: dict[str, Ints] = {}

    def step(self, codes: ArrayLike) -> Ints:
        """Output codes ``[batch, N]`` of the next step's input codes ``[batch, D]``."""
        x = np.asarray(codes)
        if x.ndim != 2 or len(x) != self.batch:
            wanted = [self.batch, self.backend.network.input_size]
            raise InputError(f"a step must have shape {wanted}, not {list(x.shape)}")
        result = self.backend.run(x[:, None], states=self.states)
        self.states = result.states
        return result.outputs[:, 0] if self.backend.network.return_sequences else result.outputs

    def reset(self) -> None:
        """Begin new sequences, from zero."""
        self.states = {}


class Golden(Backend):
    """The golden model itself."""

    name = "golden"

    def _run(self, codes: Ints, lengths: Ints, states: dict[str, Ints]) -> Result:
        return golden.run(self.network, codes, lengths, states=states)
