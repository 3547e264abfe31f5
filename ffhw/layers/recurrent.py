"""Quantized layers with a state: their accumulators, and the loop over time.

acc = (Wx x) << shift_x  +  (Wh h) << shift_h  +  bias          for each gate, looked up as index = acc >> gate_shift
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ffhw.layers.base import Given, Ints, Trace, require
from ffhw.layers.free_scales import Term
from ffhw.layers.weighted import (
    MAX_ACCUMULATOR,
    WeightedLayer,
    affine,
    bias_grid,
    exact_sum,
    product_frac,
)
from ffhw.numbers import formats
from ffhw.numbers.formats import Fixed, Format, Unorm
from ffhw.numbers.grids import Grid, WeightBits
from ffhw.numbers.tables import Table


@dataclasses.dataclass(frozen=True, eq=False)
class RecurrentLayer(WeightedLayer):
    """N units over D inputs and their own N outputs h, in integers.

    A kind says what its gates are and what becomes of them (:meth:`update`).

    Parameters
    ----------
    input: format of the D input codes.
    state: format of h.
    weight_bits: width of each weight, or the name of its few codes.
    frac_x, frac_h: fraction bits of input and recurrent weights.
    weights_x: ``[gates, N, D]``; weights_h: ``[gates, N, N]``, or ``[gates, N, 0]`` where gates see the inputs only.
    bias: ``[sums, N]``, with ``acc_frac`` fraction bits.
    return_sequences: give every step's state, or the last one's only.
    acc_bits: of an accumulator, 0 for as many as these weights need.
    """

    arrays: ClassVar[tuple[str, ...]] = ("weights_x", "weights_h", "bias")
    state_signals: ClassVar[tuple[str, ...]] = ("h",)  # those of the signals that are the state, h first
    # --- what a kind says of itself ---
    gate_tables: ClassVar[tuple[type[Table], ...]]  # by which each gate is looked up
    state_table: ClassVar[type[Table]]  # whose codes h is in
    apart: ClassVar[int] = 0  # so many of the gates, the last ones, keep the recurrent sum apart from the input's

    name: str
    input: Format
    state: Unorm | Fixed
    weight_bits: WeightBits
    frac_x: int
    frac_h: int
    weights_x: Ints
    weights_h: Ints
    bias: Ints
    return_sequences: bool = True
    acc_bits: int = 0

    def __post_init__(self) -> None:
        product_frac(self.name, self.input)
        where = f"layer {self.name!r}"
        form = type(self.state_table(1).output)
        require(isinstance(self.state, form), f"{where}: state must be {form.__name__}, not {self.state}")
        fitting = self.state_table(self.state.bits).output
        require(self.state == fitting, f"{where}: state must be {fitting}, not {self.state}")
        self._freeze_weights("weights_x", (self.gates, -1, -1))
        self._freeze_weights("weights_h", (self.gates, self.weights_x.shape[1], -1), empty=True)
        self._check_recurrent_size(where)
        self._freeze("bias", (self.sums, self.units), -MAX_ACCUMULATOR, MAX_ACCUMULATOR)
        self._check_bound()

    def _check_recurrent_size(self, where: str) -> None:
        size, n = self.recurrent_size, self.units
        require(size in (0, n), f"{where}: weights_h must be of {n} states or of none, not of {size}")
        alone = self.apart == 0 and self.dependent == 0
        require(size == n or alone, f"{where}: gates of {self.kind} cannot do without the states")

    def update(self, gates: list[Ints], *state: Ints) -> tuple[Ints, ...]:
        """The codes of all signals, in their order, from the gates' codes and the old state, each ``[batch, N]``.

        Of gates whose two sums are kept apart these sums, the inputs' before the recurrent ones.
        """
        raise NotImplementedError

    def passed_on(self, gates: list[Ints], h: Ints) -> Ints:
        """What the dependent gates multiply instead of h, in its format, from the codes of the other gates."""
        raise NotImplementedError

    @property
    def family(self) -> str:
        """All of them."""
        return "recurrent"

    # --- sizes ---
    @property
    def units(self) -> int:
        """N, the number of units."""
        return self.weights_x.shape[1]

    @property
    def gates(self) -> int:
        """Products a unit and vector element."""
        return len(self.gate_tables)

    @property
    def tables(self) -> tuple[Table, ...]:
        """By which each gate is looked up, at the state's width."""
        return tuple(table(self.state.bits) for table in self.gate_tables)

    @property
    def sums(self) -> int:
        """Accumulators a unit."""
        return self.gates + self.apart

    @property
    def input_size(self) -> int:
        """D, the number of inputs."""
        return self.weights_x.shape[2]

    @property
    def output(self) -> Format:  # type: ignore[override]
        """Format of the codes given on."""
        return self.state

    @property
    def output_size(self) -> int:
        """Codes given on a step: h."""
        return self.units

    @property
    def recurrent_size(self) -> int:
        """All of h, or nothing where gates see the inputs only."""
        return self.weights_h.shape[2]

    # --- state and signals ---
    @property
    def signal_formats(self) -> dict[str, Format]:
        """Format of each signal."""
        return dict.fromkeys(self.signals, self.state)

    @property
    def signal_codes(self) -> int:
        """One of each unit and signal."""
        return len(self.signals) * self.units

    @property
    def signal_bits(self) -> int:
        """Bits in which hardware shows each signal, those of the widest; in two's complement where it has a sign."""
        return max(fmt.bits for fmt in self.signal_formats.values())

    @property
    def state_size(self) -> int:
        """The parts of every unit's state."""
        return self.units * len(self.state_signals)

    @property
    def state_formats(self) -> tuple[Format, ...]:
        """Formats of a unit's parts."""
        return tuple(self.signal_formats[name] for name in self.state_signals)

    def check_state(self, codes: Any) -> Ints:  # noqa: D102
        array = np.asarray(codes)
        parts = len(self.state_signals)
        for part, (signal, fmt) in enumerate(zip(self.state_signals, self.state_formats, strict=True)):
            which = "state" if parts == 1 else f"state {signal}"
            fmt.check(array[..., part::parts], f"{which} of {self.name!r}")
        return array.astype(np.int64)

    # --- accumulators ---
    @property
    def grids(self) -> dict[str, Grid]:  # noqa: D102
        weights = {"weights_x": self.weight_grid(self.frac_x), "weights_h": self.weight_grid(self.frac_h)}
        return {**weights, "bias": bias_grid(self.acc_frac)}

    @property
    def operands(self) -> tuple[tuple[Format, int], ...]:
        """Inputs and h."""
        return ((self.input, self.shift_x), (self.state, self.shift_h))[: len(self.matrices)]

    @property
    def matrices(self) -> tuple[Ints, ...]:
        """Of inputs and h."""
        return (self.weights_x, self.weights_h) if self.recurrent_size else (self.weights_x,)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Both products, and the tables' indices."""
        return (
            Term(self.frac_x + product_frac(self.name, self.input), ("weights_x", "input")),
            Term(self.frac_h + self.state.frac, ("weights_h",)),
            *(Term(table.index_frac) for table in self.tables),
        )

    @property
    def free_scales(self) -> tuple[str, ...]:  # noqa: D102
        own = ("weights_x", "weights_h") if self.recurrent_size else ("weights_x",)
        return (*own, "input") if isinstance(self.input, Fixed) else own

    def refined(self, finer: Mapping[str, int]) -> Self:  # noqa: D102
        return dataclasses.replace(
            self,
            input=formats.finer(self.input, finer.get("input", 0)),
            frac_x=self.frac_x + finer.get("weights_x", 0),
            frac_h=self.frac_h + finer.get("weights_h", 0),
        )

    @property
    def shift_x(self) -> int:
        """Left shift that aligns an input product with the accumulator."""
        return self.acc_frac - self.frac_x - product_frac(self.name, self.input)

    @property
    def shift_h(self) -> int:
        """Left shift that aligns a recurrent product with the accumulator."""
        return self.acc_frac - self.frac_h - self.state.frac

    @property
    def gate_shifts(self) -> tuple[int, ...]:
        """Right shift from each gate's accumulator to its table's index."""
        return tuple(self.acc_frac - table.index_frac for table in self.tables)

    @property
    def result_shift(self) -> int:
        """The largest of the gates'."""
        return max(self.gate_shifts)

    def accumulator_bounds(self) -> Any:  # noqa: D102
        x = exact_sum(self.weights_x) * (self.input.magnitude << self.shift_x)
        h = exact_sum(self.weights_h) * (self.state.magnitude << self.shift_h)
        together = self.gates - self.apart
        sums = np.concatenate([x[:together] + h[:together], x[together:], h[together:]])
        return self.of_units(sums) + np.abs(self.bias)

    def of_units(self, values: Any) -> Any:
        """One value a row of the matrices as one a unit, ``[..., N]``."""
        return values

    def bias_limits(self) -> Any:
        """Magnitude of each bias from which on its gate is at its end, whatever the weighted sums are."""
        pairs = zip(self.tables, self.gate_shifts, strict=True)
        reach = [(1 << (table.index_bits - 1)) << shift for table, shift in pairs]
        return self.accumulator_bounds() + np.array(reach, dtype=object)[:, None]

    @property
    def largest_number(self) -> int:  # noqa: D102
        # u + (u >> b) of an interpolation between codes
        return max(super().largest_number, 2 * ((1 << self.state.bits) - 1) ** 2 + (2 << self.state.bits))

    def gate_rule(self) -> Callable[[Any, Ints], list[Ints]]:
        """The codes of the gates, each ``[batch, N]``, from ``driven`` and h.

        ``driven [batch, gates N]`` is what the inputs and the bias add to the accumulators side by side, in the type
        that :meth:`matmul_type` names. Of gates that keep their sums apart the accumulators themselves.
        """
        n = self.units
        together = self.gates - self.apart
        free = together - self.dependent
        at_once, behind = self.look_up(0, free), self.look_up(free, together)
        of_h, of_passed = self.fed_back(0, free + self.apart), self.fed_back(free, self.gates)

        def codes_of(driven: Any, h: Ints) -> list[Ints]:
            # acc = (Wx x << shift_x) + bias + (Wh h << shift_h)
            again = of_h(h)
            codes = at_once((driven[:, : free * n] + again[:, : free * n]).astype(np.int64))
            if self.dependent:
                # the same of what is passed on instead of h
                late = of_passed(self.passed_on(codes, h))
                codes += behind((driven[:, free * n :] + late).astype(np.int64))
            # or (Wx x << shift_x) + bias and (Wh h << shift_h) + bias apart
            columns = [slice(g * n, (g + 1) * n) for g in range(together, self.gates)]
            codes += [driven[:, column].astype(np.int64) for column in columns]
            biases = self.bias[self.gates :]
            return codes + [again[:, c].astype(np.int64) + b for c, b in zip(columns, biases, strict=True)]

        return codes_of

    def look_up(self, start: int, stop: int) -> Callable[[Ints], list[Ints]]:
        """Codes of some gates, each ``[batch, N]``, from their accumulators ``[batch, (stop - start) N]``.

        Neighbours that are looked up alike are looked up at once.
        """
        n = self.units
        tables, shifts = self.tables, self.gate_shifts
        alike = itertools.groupby(range(start, stop), lambda gate: (tables[gate], shifts[gate]))
        blocks = [(len(list(gates)), table, shift) for (table, shift), gates in alike]

        def look_up(acc: Ints) -> list[Ints]:
            codes: list[Ints] = []
            for count, table, shift in blocks:
                first = len(codes) * n
                block = table.look_up(acc[:, first : first + count * n], shift)
                codes += [block[:, g * n : (g + 1) * n] for g in range(count)]
            return codes

        return look_up

    # --- the golden rule ---
    def driven(self, x: Ints) -> Iterator[Any]:
        """``(Wx x << shift_x) + bias`` of each step, ``[batch, gates N]``, of inputs ``[batch, time, D]``."""
        batch, steps, _ = x.shape
        kind = self.matmul_type()
        # the shift is folded into the float weights, exactly
        weights = (self.weights_x * 2.0**self.shift_x).astype(kind)
        # as one product, and the batch of each step together
        flat = x.transpose(1, 0, 2).reshape(steps * batch, -1).astype(kind)
        sums = affine(flat, weights, self.bias[: self.gates].astype(kind))
        return iter(sums.reshape(steps, batch, -1))

    def fed_back(self, start: int, stop: int) -> Callable[[Ints], Any]:
        """``Wh h << shift_h`` of some gates side by side, ``[batch, (stop - start) N]``, of states ``[batch, N]``."""
        kind, size = self.matmul_type(), self.recurrent_size
        weights = self.weights_h[start:stop].reshape((stop - start) * self.units, size).T
        wh = (weights * 2.0**self.shift_h).astype(kind)
        return lambda h: h[:, :size].astype(kind) @ wh

    def run(self, x: Ints, length: Ints, state: Ints, trace: bool) -> Given:  # noqa: D102
        batch, steps, _ = x.shape
        n, parts = self.units, len(self.state_signals)
        ragged = bool((length < steps).any())
        current = [state[:, part::parts] for part in range(parts)]
        places = [self.signals.index(name) for name in self.state_signals]
        gate_codes = self.gate_rule()
        outputs = np.empty((batch, steps, n), np.int64)
        rows: list[list[Ints]] = []
        for t, driven in enumerate(self.driven(x)):
            codes = list(self.update(gate_codes(driven, current[0]), *current))
            for part, place in enumerate(places):
                if ragged:
                    codes[place] = np.where((t < length)[:, None], codes[place], current[part])
                current[part] = codes[place]
            outputs[:, t] = current[0]
            if trace:
                rows.append(codes)
        final = current[0] if parts == 1 else np.stack(current, axis=-1).reshape(batch, n * parts)
        if not trace:
            return Given(outputs, final)
        columns = [np.stack(column, axis=1) for column in zip(*rows, strict=True)]
        return Given(outputs, final, Trace(zip(self.signals, columns, strict=True)))
