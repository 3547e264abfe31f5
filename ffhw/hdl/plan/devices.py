"""Device families and devices: what a design can take of each."""

from __future__ import annotations

import dataclasses

# Lookup tables: the share of a device's that a design may take. A device filled to the brim routes slowly, if at all.
MOST_LUTS = 0.7


@dataclasses.dataclass(frozen=True)
class Family:
    """A device family's building blocks.

    Parameters
    ----------
    multiplier_bits: widest signed factors of one multiplier block.
    block_shapes: (width, depth) that one memory block can take.
    timed: whether the tools' timing model covers the multipliers, so that Fmax can be relied on.
    clock: Fmax of the smallest design in MHz, and what each multiplier costs of it; fitted by ``benchmarks/clock.py``
        to what was placed and routed.
    clock_error: share by which a run differed at most from a fit that did not know it.
    """

    name: str
    multiplier_bits: int
    block_shapes: tuple[tuple[int, int], ...]
    clock: tuple[float, float]
    clock_error: float
    timed: bool = True

    def fmax_mhz(self, multipliers: int) -> float:
        """Fmax to expect of a design with so many multipliers."""
        smallest, loss = self.clock
        return max(smallest / 4, smallest - loss * multipliers)

    def blocks(self, width: int, depth: int) -> int:
        """Memory blocks that a memory of this shape takes."""
        return min(-(-width // w) * -(-depth // d) for w, d in self.block_shapes)

    def multipliers(self, a: int, b: int) -> int:
        """Multiplier blocks that a product of these signed widths takes; none for a factor of one or two bits."""
        if min(a, b) <= 2:
            return 0
        return -(-a // self.multiplier_bits) * -(-b // self.multiplier_bits)


@dataclasses.dataclass(frozen=True)
class Device:
    """A device: its family, and how much of everything it has.

    title: name for people. multipliers: those that place and route can be expected to fill.
    """

    title: str
    family: Family
    luts: int
    multipliers: int
    blocks: int

    def available(self) -> dict[str, int]:
        """What a design may take of it."""
        return {"multipliers": self.multipliers, "blocks": self.blocks, "luts": round(MOST_LUTS * self.luts)}


ICE40 = Family("ice40", 16, ((16, 256), (8, 512), (4, 1024), (2, 2048)), (43.7, 0.198), 0.1)
_BLOCKS = ((36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384))
ECP5 = Family("ecp5", 18, _BLOCKS, (117.1, 0.407), 0.12)
GOWIN = Family("gowin", 18, _BLOCKS, (116.0, 0.789), 0.17, timed=False)

UP5K = Device("iCE40 UP5K", ICE40, luts=5280, multipliers=8, blocks=30)
# of 156 multipliers: with 140 nextpnr took eleven minutes, and the design was slower than a smaller one
LFE5U_85F = Device("ECP5 LFE5U-85F", ECP5, luts=83640, multipliers=94, blocks=208)
# of 20 multipliers: nextpnr finds no legal placement once nearly all are taken
GW1NR_9 = Device("Gowin GW1NR-9", GOWIN, luts=8640, multipliers=16, blocks=26)
