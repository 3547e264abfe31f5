"""Which recurrent layer a network gets: what a user chooses."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from ffhw.errors import InputError

if TYPE_CHECKING:
    from ffhw.training.tasks.sequence import SequenceTask

FLIP_FLOPS = ("jk", "sr", "toggle")
CELLS = (*FLIP_FLOPS, "lstm", "gru", "rnn", "ctrnn")
# Adam moves every weight by the rate, so the largest eigenvalue by up to rate * units. Plain tanh units remember only
# with eigenvalues near the unit circle, and must not be thrown off it: 0.04 lets 400 units learn at 1e-4.
_TANH_RATE_TIMES_UNITS = 0.04
_WIDE, _WIDE_EPOCHS = 200, 10


@dataclasses.dataclass(frozen=True)
class RecurrentOptions:
    """Which recurrent layer a model gets.

    Parameters
    ----------
    cell: one of :data:`CELLS`. units: its width, None for the task's own.
    hold_bias: whether gates start as memories: those of flip-flops with
        :class:`ffhw.training.layers.hold_bias.HoldBias`, of LSTM and GRU with
        :class:`ffhw.training.layers.chrono.ChronoBias`; else as Keras has them (flip-flops: zeros). Plain cells have no
        gates.
    tau_ms: time constant of the ``ctrnn`` cell, None for ten steps; the task's own time step is its dt.
    dale: share of excitatory units, None for no such law. density: share of the recurrent connections that exist.
    self_connection: whether a unit may feed itself.
    hold_penalty: what changes of flip-flops' states cost, see :class:`ffhw.training.layers.neurons.FlipFlopRNN`.
    recurrent_gates: whether the gates of flip-flops see the states.
    centered: whether the states of flip-flops are seen as ``2 h - 1``, see
        :class:`ffhw.training.layers.neurons.FlipFlopCell`; None for what the task has.
    closing: whether the gates of flip-flops close: 0 and 1 where a sigmoid is only near them.

    Raises
    ------
    InputError: no such cell, or an option out of range.
    """

    cell: str = "jk"
    units: int | None = None
    hold_bias: bool = True
    tau_ms: float | None = None
    dale: float | None = None
    density: float = 1.0
    self_connection: bool = True
    hold_penalty: float = 0.0
    recurrent_gates: bool = True
    centered: bool | None = None
    closing: bool = False

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise InputError(f"--cell must be one of {', '.join(CELLS)}, not {self.cell!r}")
        if self.units is not None and self.units < 1:
            raise InputError(f"--units must be at least 1, not {self.units}")
        if self.tau_ms is not None and self.cell != "ctrnn":
            raise InputError(f"--tau-ms is a time constant of the ctrnn cell; {self.cell} has none")
        if self.dale is not None and not 0 <= self.dale <= 1:
            raise InputError(f"--dale is the share of excitatory units, from 0 to 1, not {self.dale!r}")
        if not 0 < self.density <= 1:
            raise InputError(f"--density must be above 0 and at most 1, not {self.density!r}")
        if not 0 <= self.hold_penalty < math.inf:
            raise InputError(f"--hold-penalty must be at least 0, not {self.hold_penalty!r}")
        if self.hold_penalty and self.cell not in FLIP_FLOPS:
            raise InputError(f"--hold-penalty is for {', '.join(FLIP_FLOPS)}; {self.cell} has none")
        if not self.recurrent_gates and self.cell not in FLIP_FLOPS:
            raise InputError(f"--no-recurrent-gates is for {', '.join(FLIP_FLOPS)}; {self.cell} needs its states")
        if self.centered and self.cell not in FLIP_FLOPS:
            raise InputError(f"--centered is for {', '.join(FLIP_FLOPS)}, not {self.cell}")
        if self.closing and self.cell not in FLIP_FLOPS:
            raise InputError(f"--closing-gates is for {', '.join(FLIP_FLOPS)}; {self.cell} has none that close")
        if not self.recurrent_gates and not self.connected_freely:
            raise InputError(
                "--no-recurrent-gates leaves no connections for --dale, --density and --no-self-connection"
            )

    @property
    def connected_freely(self) -> bool:
        """Whether nothing is asked of the recurrent connections."""
        return self.dale is None and self.density == 1 and self.self_connection

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for that constrains weights or states, takes some away, or sets a time constant."""
        plain = self.connected_freely and not self.hold_penalty and self.tau_ms is None and not self.closing
        # what is seen around 0 anyway cannot be seen otherwise
        as_it_is = self.centered is not False or self.cell not in FLIP_FLOPS
        return plain and self.recurrent_gates and as_it_is

    def has_centered(self, task: SequenceTask) -> bool:
        """Whether states are seen around 0; as the task has it where nobody says."""
        return self.cell in FLIP_FLOPS and (task.centered if self.centered is None else self.centered)

    def learning_rate(self, task: SequenceTask) -> float:
        """What training begins with where nobody says."""
        if self.cell in ("rnn", "ctrnn"):
            return min(task.learning_rate, _TANH_RATE_TIMES_UNITS / (self.units or task.units))
        return task.learning_rate

    def epochs(self, task: SequenceTask) -> int:
        """How long training takes where nobody says: wide tanh layers need few passes, and each is slow."""
        wide = self.cell in ("rnn", "ctrnn") and (self.units or task.units) >= _WIDE
        return min(task.epochs, _WIDE_EPOCHS) if wide else task.epochs
