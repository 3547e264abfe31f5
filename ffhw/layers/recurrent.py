"""Layers with a state: the loop over time, in floats and in integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ffhw.layers.base import FloatLayer, Floats, Given, Ints, Trace
from ffhw.layers.weighted import WeightedLayer

# From what inputs add in this step, and the state before it, to the codes of a layer's signals, each ``[batch, N]``;
# the last of them is the new state.
Step = Callable[[Floats, Ints], tuple[Ints, ...]]


class FloatRecurrent(FloatLayer):
    """A trained recurrent layer: what its inputs add, and a step."""

    @property
    def units(self) -> int:
        """N, the number of units."""
        raise NotImplementedError

    def drive(self, x: Floats) -> Floats:
        """What inputs ``[batch, time, D]`` and biases contribute, all steps at once."""
        raise NotImplementedError

    def step(self, driven: Floats, h: Floats) -> Floats:
        """State after a step, ``[batch, N]``."""
        raise NotImplementedError

    def forward(self, x: Floats, length: Ints) -> Floats:  # noqa: D102
        driven = self.drive(x)
        h = np.zeros((len(x), self.units))
        out = np.empty((*x.shape[:2], self.units))
        for t in range(x.shape[1]):
            h = np.where((t < length)[:, None], self.step(driven[:, t], h), h)
            out[:, t] = h
        return out


class RecurrentLayer(WeightedLayer):
    """A quantized recurrent layer. Its outputs are its states, or the first ``output_size`` codes of them."""

    def drive(self, x: Ints) -> Floats:
        """What input codes ``[batch, time, D]`` and biases add to the accumulators, all steps at once, exact."""
        raise NotImplementedError

    def step_rule(self) -> Step:
        """The function of one step, its matrices prepared once."""
        raise NotImplementedError

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        batch, steps, _ = x.shape
        driven, step = self.drive(x), self.step_rule()
        ragged = bool((length < steps).any())
        states = np.empty((batch, steps, self.state_size), np.int64)
        inner: list[list[Ints]] = [[] for _ in self.signals[:-1]]
        for t in range(steps):
            *codes, new = step(driven[:, t], state)
            state = np.where((t < length)[:, None], new, state) if ragged else new
            states[:, t] = state
            if trace:
                for column, code in zip(inner, codes, strict=True):
                    column.append(code)
        if not trace:
            return Given(states, state)
        columns = [np.stack(column, axis=1) for column in inner]
        return Given(states, state, Trace(zip(self.signals, [*columns, states], strict=True)))
