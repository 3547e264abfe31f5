"""Dropout of recurrent layers: what is dropped is drawn once a sequence, as Keras' own recurrent layers do.

Drawn before the loop over time, it also works where the loop may not change anything outside itself (JAX).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class DropoutCell:
    """For a cell with ``dropout``, ``recurrent_dropout`` and a ``seed_generator``."""

    dropout: float
    recurrent_dropout: float
    seed_generator: Any
    _masks: tuple[Any, Any] | None = None

    def draw_masks(self, inputs: Any, state: Any) -> None:
        """Decide what is dropped from now on, for inputs and states of these shapes."""
        self._masks = self._drawn(inputs, state)

    def clear_masks(self) -> None:
        """Forget what was decided."""
        self._masks = None

    def drawn_masks(self, training: bool) -> tuple[Any, Any]:
        """Factors of inputs and state that :meth:`draw_masks` decided on; None where nothing is dropped."""
        return (self._masks or (None, None)) if training else (None, None)

    def _drawn(self, inputs: Any, state: Any) -> tuple[Any, Any]:
        return self._mask(inputs, self.dropout), self._mask(state, self.recurrent_dropout)

    def _mask(self, like: Any, rate: float) -> Any:
        return keras.random.dropout(ops.ones_like(like), rate, seed=self.seed_generator) if rate else None

    def dropped(self, inputs: Any, state: Any, training: bool) -> tuple[Any, Any]:
        """Inputs and state without what is dropped; outside a layer of ours each step draws anew."""
        if not training or not (self.dropout or self.recurrent_dropout):
            return inputs, state
        masks = self._masks or self._drawn(inputs, state)
        kept = [part if mask is None else part * mask for part, mask in zip((inputs, state), masks, strict=True)]
        return kept[0], kept[1]


class DropoutRNN(keras.layers.RNN):
    """A recurrent layer of a :class:`DropoutCell`."""

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """States of the last step or of every one, see the class."""
        if training:
            state = self.cell.get_initial_state(ops.shape(sequences)[0])[0]
            self.cell.draw_masks(sequences[:, 0], state)
        try:
            return super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        finally:
            self.cell.clear_masks()
