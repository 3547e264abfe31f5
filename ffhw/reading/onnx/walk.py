"""Walking a float ONNX graph: the chain of parts so far, and what each tensor stands for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ffhw.errors import InputError
from ffhw.layers.base import EachStep, FloatLayer
from ffhw.layers.description import Part
from ffhw.layers.float_recurrent import FloatRecurrent
from ffhw.reading.onnx.values import DIRECTIONS, TIME, UNIT, FirstState, Flow, States, Unread, Value, are_zeros


@dataclasses.dataclass(frozen=True)
class Operator:
    """One node: what it is, what it is called, its attributes as Python values, how many outputs it has.

    constants: those of the graph by name, which a graph among the attributes may take.
    """

    kind: str
    name: str
    attributes: dict[str, Any]
    outputs: int
    opset: int
    constants: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict, repr=False)

    def refuse(self, why: str) -> InputError:
        """The error of an operator that has no place in hardware."""
        return InputError(f"operator {self.kind} {self.name!r} {why}")

    def expect(self, **values: Any) -> None:
        """Refuse attributes at other values than these; an absent one has its first."""
        for name, wanted in values.items():
            allowed = wanted if isinstance(wanted, tuple) else (wanted,)
            value = self.attributes.get(name, allowed[0])
            if value not in allowed:
                raise self.refuse(f"has {name}={str(value)[:60]}, which has no hardware; use {allowed[0]}")


FROM_ZERO = "sequences start from zero; make it an input of the model, which export --keep-state can load"
# PyTorch's newer exporter writes nn.RNN so.
STEPS_APART = (
    "only the last one, or all of them, become hardware; where an exporter wrote out a loop step by step, as PyTorch's "
    "does of nn.RNN and of cells with dynamo=True, export nn.RNN, nn.GRU or nn.LSTM with dynamo=False"
)


class Walk:
    """The chain of parts in the order data flows through them.

    notes: what a user should be told. started: the model's inputs that layers start from.
    """

    def __init__(self) -> None:
        self.parts: list[FloatLayer | Part] = []
        self.notes: list[str] = []
        self.started: set[str] = set()
        self._names: set[str] = set()

    def name(self, operator: Operator) -> str:
        """A name for a part, unlike any other."""
        stem = "".join(c for c in operator.name if c.isprintable()).strip("/")[:200] or operator.kind.lower()
        name, number = stem, 1
        while name in self._names:
            number += 1
            name = f"{stem}_{number}"
        self._names.add(name)
        return name

    def start(self, operator: Operator, name: str, states: Sequence[Value | None], both: bool = False) -> None:
        """Take the first states of a layer: zeros, or inputs of the model where it does not read both ways.

        Raises
        ------
        InputError: other numbers, or states given to a layer that reads both ways.
        """
        given = [state.given for state in states if isinstance(state, FirstState) and state.given]
        if not all(isinstance(state, FirstState) or are_zeros(state) for state in states):
            raise operator.refuse(f"starts from a state that is given: {FROM_ZERO}")
        if given and both:
            raise operator.refuse("starts from a state that is given and reads both ways, which has no hardware")
        if given:
            self.started.update(given)
            self.notes.append(f"layer {name!r} starts from {' and '.join(given)}: with --keep-state loaded, else zeros")

    def add(self, flow: Flow, *parts: FloatLayer | Part, **changes: Any) -> Flow:
        """Put parts behind what flows; the flow behind them."""
        self.parts += parts
        return dataclasses.replace(flow, made=len(self.parts), **changes)

    def take(self, operator: Operator, value: Any) -> Flow:
        """What an operator is fed with, once it is known to be what the part before it gives.

        Raises
        ------
        InputError: a constant, something from further back, one direction of two, or steps that were let go.
        """
        if isinstance(value, Unread):
            raise InputError(value.refusal) if value.refusal else operator.refuse(value.why)
        if isinstance(value, FirstState):
            raise operator.refuse("takes what sequences start from, which only a recurrent layer may")
        if isinstance(value, States):
            raise operator.refuse("takes the final states of several layers: take the last one's, h_n[-1]")
        if not isinstance(value, Flow):
            raise operator.refuse("is not fed by the model's input or the layer before it")
        if value.final is not None:
            value = self._finished(operator, value)
        if value.made != len(self.parts):
            raise operator.refuse("takes what another layer has taken already: only a plain chain becomes hardware")
        if value.direction is not None:
            raise operator.refuse("takes one direction of a bidirectional layer alone, which has no hardware")
        if TIME in "".join(value.axes) and any(isinstance(p, FloatLayer) and p.rhythm.once for p in self.parts):
            raise operator.refuse("takes all steps of a layer whose last one alone is taken elsewhere")
        return value

    def _finished(self, operator: Operator, flow: Flow) -> Flow:
        """Let go all states of the last layer but its final ones."""
        if flow.made != len(self.parts):
            raise operator.refuse("takes the final state of a layer whose steps are taken elsewhere")
        del self.parts[flow.made - (flow.final or 0) :]
        self.parts[-1] = _once(operator, self.parts[-1])
        return dataclasses.replace(flow, final=None, made=len(self.parts))

    def last_step(self, operator: Operator, flow: Flow) -> Flow:
        """Let go all steps but the last one, of which a recurrent layer further back is told."""
        flow = self.take(operator, flow)
        for number in range(len(self.parts) - 1, -1, -1):
            part = self.parts[number]
            if isinstance(part, FloatRecurrent):
                self.parts[number] = part.answering_once()
                return flow
            # what moves steps about would make another one the last
            if isinstance(part, FloatLayer) and (part.moves_steps or not isinstance(part, EachStep)):
                break
        if any(isinstance(part, FloatLayer) and part.both_directions for part in self.parts):
            raise operator.refuse(
                "takes the last step of both directions, of which the backward one has seen one step there: take their "
                "final states side by side, torch.cat([h_n[-2], h_n[-1]], 1)"
            )
        raise operator.refuse("takes a last step that no recurrent layer gives, which has no hardware")


def _once(operator: Operator, part: FloatLayer | Part) -> FloatLayer:
    """The layer that gives its last step only."""
    if not isinstance(part, FloatLayer):
        raise operator.refuse("takes the last step of what is no recurrent layer")
    return part.answering_once()


def picked(walk: Walk, operator: Operator, flow: Flow, axis: int, place: int, kept: bool) -> Flow:
    """One place of an axis: a direction, the last step; ``kept``: the axis stays, of size 1."""
    letter = flow.axes[axis]
    if letter == DIRECTIONS and -flow.directions <= place < flow.directions:
        direction = None if flow.directions == 1 else place % flow.directions
        flow = dataclasses.replace(flow, direction=direction, directions=1)
    elif letter == TIME and place in (-1, flow.fixed.get(TIME, 0) - 1):
        flow = walk.last_step(operator, flow)
    elif letter == TIME:
        raise operator.refuse(f"takes step {place} alone: {STEPS_APART}")
    elif not (letter == UNIT and place in (0, -1)):
        raise operator.refuse(f"takes place {place} of axis {axis}: only the last step, or a direction, can be")
    letters = (*flow.axes[:axis], *([UNIT] if kept else []), *flow.axes[axis + 1 :])
    return dataclasses.replace(flow, axes=letters)


def numbers(operator: Operator, value: Any, what: str) -> np.ndarray:
    """A constant of an operator as real numbers."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf":
        raise operator.refuse(f"needs {what} as a constant")
    return value.astype(np.float64)
