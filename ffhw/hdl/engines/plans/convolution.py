"""The plan of a convolution's engine: a window in front of a dense engine. A step of it is one that it answers."""

from __future__ import annotations

from collections.abc import Iterable

from ffhw.hdl.engines.plans.dense import DensePlan
from ffhw.hdl.plan.folding import Folding, Schedule, schedule
from ffhw.hdl.plan.memory import Memory
from ffhw.layers.convolution import ConvolutionLayer

# Cycles from the beat that completes a word to that word standing at the window's output.
WINDOW_STAGES = 2
# Lookup tables of a window.
WINDOW_LUTS = 200
# A cycle long before a step arrives.
LONG_AGO = -(1 << 40)


class ConvolutionPlan(DensePlan):
    """Cycles and resources of :class:`ffhw.hdl.engines.convolution.ConvolutionEngine`."""

    layer: ConvolutionLayer

    @property
    def schedule(self) -> Schedule:
        """The order of work, of the dense engine over a window."""
        return schedule(self.layer.dense, self.folding)

    @classmethod
    def simds(cls, layer: ConvolutionLayer) -> Iterable[int]:  # type: ignore[override]
        """A step is whole words: S divides D."""
        return [s for s in super().simds(layer) if layer.input_size % s == 0]

    @classmethod
    def wish(cls, layer: ConvolutionLayer, lanes: int, simd: int) -> Folding | None:  # type: ignore[override]
        divisors = [s for s in range(1, layer.input_size + 1) if layer.input_size % s == 0]
        return Folding(min(lanes, layer.units), max(s for s in divisors if s <= simd))

    @classmethod
    def complete(cls, layer: ConvolutionLayer, wish: Folding, after: Folding | None) -> Folding:  # type: ignore[override]
        return DensePlan.complete(layer.dense, wish, after)

    @property
    def step_words(self) -> int:
        """Words of one step."""
        return self.layer.input_size // self.folding.simd

    @property
    def cycles(self) -> int:
        """Cycles from one answer to the next: the products, or the beats of as many steps."""
        return max(super().cycles, self.layer.stride * self.step_words)

    def arrivals(self, before: list[int], width: int) -> list[int]:
        beats = self.folding.simd // width
        newest: list[int] = []
        for word in range(self.step_words):
            there = before[(word + 1) * beats - 1] + WINDOW_STAGES
            newest.append(max(there, newest[-1] + 1) if newest else there)
        # what is old was multiplied while the newest step was waited for
        old = [LONG_AGO] * (self.step_words * (self.layer.taps - 1))
        return super().arrivals(old + newest, self.folding.simd)

    def memories(self) -> list[Memory]:
        layer, words = self.layer, self.step_words
        slots = slots_of(layer.taps, layer.stride)
        depth = (slots - 1) * (1 << (words - 1).bit_length()) + words
        return [*super().memories(), Memory(layer.input.bits * self.folding.simd, depth, written=True)]

    def luts(self) -> int:
        return super().luts() + WINDOW_LUTS


def slots_of(taps: int, stride: int) -> int:
    """Steps that are held: a window, what shows whether it is its sequence's last, and the step that arrives."""
    return 1 << (taps + min(stride, taps) - 1).bit_length()


PLAN = ConvolutionPlan
